"""导出数据: the rows of another system's CSV export, and the mapping that says what its columns mean.

Intake files tickets from them; a desk that plays its past again looks up what became of each.
"""

from services.exports.mapping import Ending, Export
from services.exports.reading import read_rows
from services.exports.rows import BadRow, Row
from services.exports.templates import Moment, render

__all__ = ["BadRow", "Ending", "Export", "Moment", "Row", "read_rows", "render"]
