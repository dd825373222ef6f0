"""An object has all its attributes from the start, so `__init__` is where to look for them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent.parent / "ml3_ros"
BIRTH = {"__init__", "__post_init__"}


def late_attributes(module: ast.Module) -> Iterator[str]:
    """Yield "line: Class.attribute" of each attribute that only another method sets."""
    for kind in (node for node in ast.walk(module) if isinstance(node, ast.ClassDef)):
        set_by: dict[bool, dict[str, int]] = {True: {}, False: {}}
        for method in (node for node in kind.body if isinstance(node, ast.FunctionDef)):
            for node in ast.walk(method):
                stored = isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
                if stored and ast.unparse(node.value) == "self":
                    set_by[method.name in BIRTH].setdefault(node.attr, node.lineno)
        properties = {node.name for node in kind.body if isinstance(node, ast.FunctionDef)}
        fields = {ast.unparse(n.target) for n in kind.body if isinstance(n, ast.AnnAssign)}
        for name in set_by[False].keys() - set_by[True].keys() - properties - fields:
            yield f"{set_by[False][name]}: {kind.name}.{name}"


def test_a_late_attribute_is_found():
    late = "class A:\n    def f(self):\n        self.x, self.y = 1, 2\n"
    born = "    def __init__(self):\n        self.y: int = 0\n"
    assert list(late_attributes(ast.parse(late + born))) == ["3: A.x"]


@pytest.mark.parametrize("room", ["experiments", "robots"])
def test_attributes_are_born_in_init(room):
    found = [
        f"{path.relative_to(PACKAGE)}:{late}"
        for path in sorted((PACKAGE / room).rglob("*.py"))
        for late in late_attributes(ast.parse(path.read_text()))
    ]
    assert not found, found
