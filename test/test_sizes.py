# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Files, functions and folders are small enough to be read at once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


FILES = files("ml3_ros", "faults")
ALL_FILES = FILES + files("examples", "launch", "test", "tools")
LINES_OF_A_FILE = 300
LINES_OF_A_FUNCTION = 60
FILES_OF_A_FOLDER = 15  # beside __init__.py


def test_files_are_short():
    lengths = {path: len(path.read_text().splitlines()) for path in ALL_FILES}
    assert not [path for path, length in lengths.items() if length > LINES_OF_A_FILE]


def test_functions_are_short():
    lengths = {name: length for path in ALL_FILES for name, length in functions(path)}
    assert not [name for name, length in lengths.items() if length > LINES_OF_A_FUNCTION]


def functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            name = f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
            yield name, node.end_lineno - node.lineno + 1


def test_folders_hold_few_files():
    folders = {path.parent for path in FILES}
    sizes = {folder: len(list(folder.glob("*.py"))) - 1 for folder in folders}
    assert not [folder for folder, size in sizes.items() if size > FILES_OF_A_FOLDER]
