# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Every attribute of an object is declared in its class or in `__init__`, where readers look."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent.parent / "ml3_ros"
INITIALIZERS = {"__init__", "__post_init__"}


def late_attributes(modules: dict[str, ast.Module]) -> Iterator[str]:
    """Yield "module:line: Class.attribute" of each attribute that only another method sets."""
    classes = {
        (name, node.name): node
        for name, module in modules.items()
        for node in ast.walk(module)
        if isinstance(node, ast.ClassDef)
    }
    declared: dict[str, set[str]] = {}
    for kind in classes.values():
        declared.setdefault(kind.name, set()).update(_declared(kind))
    for (name, _), kind in classes.items():
        bases = [ast.unparse(base).partition("[")[0] for base in kind.bases]
        known = declared[kind.name].union(*(declared.get(base, set()) for base in bases))
        for attribute, line in _set_on_self(kind, initializers=False):
            if attribute not in known:
                yield f"{name}:{line}: {kind.name}.{attribute}"


def _declared(kind: ast.ClassDef) -> Iterator[str]:
    for node in kind.body:
        if isinstance(node, ast.AnnAssign):
            yield ast.unparse(node.target)
        elif isinstance(node, ast.Assign):
            yield from map(ast.unparse, node.targets)
        elif isinstance(node, ast.FunctionDef):
            yield node.name
    yield from (attribute for attribute, _ in _set_on_self(kind, initializers=True))


def _set_on_self(kind: ast.ClassDef, *, initializers: bool) -> Iterator[tuple[str, int]]:
    for method in (node for node in kind.body if isinstance(node, ast.FunctionDef)):
        if (method.name in INITIALIZERS) is initializers:
            for node in ast.walk(method):
                stored = isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
                if stored and ast.unparse(node.value) == "self":
                    yield node.attr, node.lineno


def test_a_late_attribute_is_found():
    base = "class A:\n    z: int\n    def f(self):\n        self.x, self.y = 1, 2\n"
    base += "    def __init__(self):\n        self.y: int = 0\n"
    derived = "class B(A):\n    def f(self):\n        self.y = self.z = 1\n"
    modules = {"m": ast.parse(base), "n": ast.parse(derived)}
    assert list(late_attributes(modules)) == ["m:4: A.x"]


def test_attributes_are_declared():
    modules = {
        str(path.relative_to(PACKAGE)): ast.parse(path.read_text())
        for path in sorted(PACKAGE.rglob("*.py"))
    }
    late = list(late_attributes(modules))
    assert not late, late
