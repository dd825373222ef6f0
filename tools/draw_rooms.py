# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Draw the rooms of the package into docs/architecture.md, from the imports as they are.

Each room is a folder of ml3_ros with the first sentence of its `__init__.py`; rooms stand above
all that they import.

    .venv/bin/python tools/draw_rooms.py
"""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- rooms: drawn by tools/draw_rooms.py -->\n", "<!-- end of rooms -->"
WIDTH = 99


def imports_of(path: Path) -> Iterator[str]:
    """Yield the rooms that a file imports from, also inside its functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for name in names:
            words = name.split(".")
            if words[0] == "ml3_ros" and len(words) > 1:
                yield words[1]


def rooms() -> dict[str, set[str]]:
    """Return the rooms that each room imports from."""
    found = {path.parent.name: path.parent for path in (ROOT / "ml3_ros").glob("*/__init__.py")}
    return {
        name: {room for path in folder.rglob("*.py") for room in imports_of(path)}
        & (set(found) - {name})
        for name, folder in found.items()
    }


def levels(uses: dict[str, set[str]]) -> list[list[str]]:
    """Return the rooms from the ground up: each above all that it imports.

    Raises:
        ValueError: Rooms import one another in a circle.
    """
    rows: list[list[str]] = []
    left = dict(uses)
    while left:
        row = sorted(room for room, below in left.items() if not below & set(left))
        if not row:
            raise ValueError(f"these rooms import one another: {', '.join(sorted(left))}")
        rows.append(row)
        left = {room: below for room, below in left.items() if room not in row}
    return rows


def picture() -> str:
    """Return the rooms as text, the topmost first."""
    uses = rooms()
    lines = []
    for row in reversed(levels(uses)):
        for room in row:
            text = (ROOT / "ml3_ros" / room / "__init__.py").read_text()
            sentence = (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]
            lines.append(f"{room + '/':<16}{sentence}")
            if uses[room]:
                lines.append(f"{'':<16}  imports {', '.join(sorted(uses[room]))}")
        lines.append("-" * WIDTH)
    return "```text\n" + "\n".join(lines[:-1]) + "\n```\n"


def drawn(page: str) -> str:
    """Return the page with the picture as it should be now."""
    before, rest = page.split(BEGIN, 1)
    return before + BEGIN + picture() + END + rest.split(END, 1)[1]


if __name__ == "__main__":
    PAGE.write_text(drawn(PAGE.read_text()))
