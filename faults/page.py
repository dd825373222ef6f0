# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Findings as JSON files, and docs/reliability.md made from them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

from faults.rig.result import Finding, Row
from ml3_ros.files import write_atomically
from ml3_ros.reports.tables import markdown_table

INTRO = """\
<!-- Made by `make faults` from docs/metrics/faults; change faults/ instead. -->

# Reliability

What was done to the running nodes, and what they did. Every table is measured by
`make faults`, which runs real nodes as real processes over real ROS 2 topics, on a machine of
{cores} cores; a promise that does not hold makes it fail. `make faults QUICK=--quick` takes
minutes and shows that the benches work, `python -m faults NAME` runs one of them:
{names}.
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Measured:
    """A finding, and how it came about.

    Attributes:
        finding: What was measured.
        cores: Of the machine.
        day: When; "" before that was kept.
        remark: What else a reader must know, such as other work on the machine; written by hand.
    """

    finding: Finding
    cores: int
    day: str = ""
    remark: str = ""


def save(path: Path, measured: Measured) -> None:
    """Write a finding as JSON."""
    content = {
        "cores": measured.cores,
        "day": measured.day,
        "remark": measured.remark,
        **dataclasses.asdict(measured.finding),
    }
    write_atomically(path, json.dumps(content, indent=1).encode() + b"\n")


def load(path: Path) -> Measured:
    """Return a finding."""
    content = json.loads(path.read_bytes())
    cores, day, remark = content.pop("cores"), content.pop("day", ""), content.pop("remark", "")
    rows = [Row(**row) for row in content.pop("rows")]
    return Measured(Finding(**content, rows=rows), cores, day, remark)


def render(findings: Mapping[str, Measured]) -> str:
    """Return the page of findings by name, in their order."""
    cores = " or ".join(str(n) for n in sorted({found.cores for found in findings.values()}))
    names = ", ".join(f"`{name}`" for name in findings)
    days = [found.day for found in findings.values() if found.day]
    sections = "\n".join(_section(found, min(days, default="")) for found in findings.values())
    return f"{INTRO.format(cores=cores, names=names)}\n{sections}"


def _section(found: Measured, first_day: str) -> str:
    finding = found.finding
    lines = [f"## {finding.title}", "", finding.method, ""]
    if found.day:
        lines += [" ".join(filter(None, (f"Measured on {found.day}.", found.remark))), ""]
    elif first_day:
        lines += [f"Measured before {first_day}, and not again since.", ""]
    marks = {True: "yes", False: "**no**", None: ""}
    rows = [(row.what, row.measured, row.promised, marks[row.holds]) for row in finding.rows]
    header = ("what", "measured", "promised", "holds")
    return "\n".join([*lines, markdown_table(header, rows, n_texts=len(header))]) + "\n"
