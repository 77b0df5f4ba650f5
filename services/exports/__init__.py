"""导出数据: the rows of another system's export (CSV, Open311), and the mapping that says what its columns mean.

Intake files tickets from them; a desk that plays its past again looks up what became of each.
"""

from services.exports.mapping import Ending, Export
from services.exports.opening import Opened, opened
from services.exports.reading import read_rows, rows_of
from services.exports.rows import BadRow, Row
from services.exports.templates import Moment, render

__all__ = [
    "BadRow",
    "Ending",
    "Export",
    "Moment",
    "Opened",
    "Row",
    "opened",
    "read_rows",
    "render",
    "rows_of",
]
