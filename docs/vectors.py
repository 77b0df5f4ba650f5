"""Shows ``docs/vectors.json`` in ``docs/wire.md``: ``python -m docs.vectors``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MARK = "<!-- vectors -->"
_HERE = Path(__file__).parent


def render(vectors: Any) -> str:
    """The part of the page between its two marks: one line a value, named by its path."""
    blocks = []
    for name, part in vectors.items():
        lines = "\n".join(f"{path} = {text}" for path, text in _lines(name, part))
        blocks.append(f"```text\n{lines}\n```\n")
    return "\n" + "\n".join(blocks)


def _lines(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and not path.endswith((".data", ".content")):
        for name, part in value.items():
            yield from _lines(f"{path}.{name}", part)
    elif isinstance(value, list) and path in {"events", "partitions"}:
        for index, part in enumerate(value):
            yield from _lines(f"{path}[{index}]", part)
    else:
        yield path, json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def shown(page: str) -> str:
    """What a page shows between its marks."""
    return page.split(MARK)[1].strip()


def main() -> None:
    """Write the values into the page."""
    page, vectors = _HERE / "wire.md", json.loads((_HERE / "vectors.json").read_text(encoding="utf-8"))
    before, _, after = page.read_text(encoding="utf-8").split(MARK)
    page.write_text(f"{before}{MARK}\n{render(vectors)}\n{MARK}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
