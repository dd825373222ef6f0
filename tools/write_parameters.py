# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Write config/NODE.yaml and docs/parameters.md from the parameters that the nodes declare.

.venv/bin/python -m tools.write_parameters
"""

import dataclasses
import importlib
import inspect
import json
import pkgutil
import textwrap
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from ml3_ros import nodes
from ml3_ros.nodes.kit.parameters.annotated import NodeParameters, Row, rows_of

ROOT = Path(__file__).resolve().parent.parent
WIDTH = 99
COMMAND = ".venv/bin/python -m tools.write_parameters"
YAML = f"""\
# Parameters of NODE and their defaults; written by {COMMAND}.
/**:
  ros__parameters:
"""
PAGE = f"""\
# Parameters

What can be set at each node, and its default, as in `config/NODE.yaml`. Both are written by
`{COMMAND}` from the dataclasses of the nodes.

`ml3 up SYSTEM NODE.PARAMETER:=VALUE` sets one parameter of one node. Those that are live take
effect at once, also while the node is active, by `ros2 param set /NODE PARAMETER VALUE`; one that
does not fit is rejected with the reason, and all stays as it was. A node reads the others when it
is configured: set them while it is unconfigured. Those that are fixed are read when its process
starts. A list without a default is unset: ROS shows an empty one. The range of a list is that of
each of its elements.
"""


def parameters_of_nodes() -> dict[str, type]:
    """Return the dataclass of each node's parameters, by the name of its executable."""
    found = {}
    for module in pkgutil.walk_packages(nodes.__path__, f"{nodes.__name__}."):
        if module.name.endswith("__main__") or ".kit." in module.name:
            continue
        for kind in vars(importlib.import_module(module.name)).values():
            if inspect.isclass(kind) and kind.__module__ == module.name:
                name = module.name.removeprefix(f"{nodes.__name__}.").removesuffix(".node")
                if "parameters_type" in vars(kind):
                    found[name] = vars(kind)["parameters_type"]
    return found


def yaml(executable: str, rows: Sequence[Row]) -> str:
    """Return config/EXECUTABLE.yaml."""
    lines = []
    for row in rows:
        text = row.param.help + (f" ({_range(row)})" if _range(row) else "")
        lines += textwrap.wrap(
            text,
            WIDTH,
            initial_indent="    # ",
            subsequent_indent="    # ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        unset = row.is_list and not row.default
        lines.append(f"    # {row.name}: [...]" if unset else f"    {row.name}: {_value(row)}")
    return YAML.replace("NODE", executable) + "\n".join(lines) + "\n"


def page(kinds: dict[str, type]) -> str:
    """Return docs/parameters.md."""
    sections = [PAGE]
    for executable, kind in sorted(kinds.items()):
        rows = [row for row in rows_of(kind) if row.name not in _common(kind)]
        sections.append(f"## {executable}\n\n{inspect.getdoc(kind)}\n\n{_table(rows)}")
    common = f"## All lifecycle nodes\n\n{inspect.getdoc(NodeParameters)}\n\n"
    sections.append(common + _table(rows_of(NodeParameters)))
    return "\n".join(sections)


def files() -> dict[Path, str]:
    """Return the content of every file that is written."""
    kinds = parameters_of_nodes()
    configs = {
        ROOT / "config" / f"{executable}.yaml": yaml(executable, rows_of(kind))
        for executable, kind in kinds.items()
    }
    return configs | {ROOT / "docs" / "parameters.md": page(kinds)}


def _common(kind: type) -> set[str]:
    if not issubclass(kind, NodeParameters):
        return set()
    return {field.name for field in dataclasses.fields(NodeParameters)}


def _table(rows: Sequence[Row]) -> str:
    lines = ["| parameter | type | default | range | set | what it does |", "| --- " * 6 + "|"]
    for row in rows:
        kind = row.element.__name__ + ("[]" if row.is_list else "")
        default = "" if row.is_list and not row.default else f"`{_value(row)}`"
        when = "live" if row.param.live else "fixed" if row.param.read_only else ""
        cells = (f"`{row.name}`", kind, default, _range(row), when, row.param.help)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _range(row: Row) -> str:
    if row.param.limits is None:
        return " or ".join(map(str, row.choices))
    lower, upper = (_number(row.element(limit)) for limit in row.param.limits)
    return f"{lower} to {upper}"


def _value(row: Row) -> str:
    if row.is_list:
        return "[" + ", ".join(map(_scalar, row.default)) + "]"
    return _scalar(row.default)


def _scalar(value: Any) -> str:
    if isinstance(value, float):
        return f"{Decimal(repr(value)):f}"  # YAML 1.1 reads 1e-05 as text
    return json.dumps(value)


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text)
