"""Findings as JSON files, and docs/reliability.md made from them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path

from faults.result import Finding, Row
from ml3_ros.files import write_atomically

INTRO = """\
<!-- Made by `make faults` from docs/metrics/faults; change faults/ instead. -->

# Reliability

What was done to the running nodes, and what they did. Every table is measured by
`make faults`, which runs real nodes as real processes over real ROS 2 topics, on a machine of
{cores} cores; a promise that does not hold makes it fail. `make faults QUICK=--quick` takes
minutes and shows that the benches work, `python -m faults NAME` runs one of them:
{names}.
"""


def save(path: Path, finding: Finding, cores: int) -> None:
    """Write a finding, measured on a machine of `cores` cores, as JSON."""
    content = {"cores": cores, **dataclasses.asdict(finding)}
    write_atomically(path, json.dumps(content, indent=1).encode() + b"\n")


def load(path: Path) -> tuple[Finding, int]:
    """Return a finding and the number of cores that it was measured on."""
    content = json.loads(path.read_bytes())
    cores = content.pop("cores")
    rows = [Row(**row) for row in content.pop("rows")]
    return Finding(**content, rows=rows), cores


def render(findings: Iterable[tuple[str, Finding, int]]) -> str:
    """Return the page of findings, each with its name and number of cores, in their order."""
    found = list(findings)
    cores = " or ".join(str(n) for n in sorted({cores for _, _, cores in found}))
    names = ", ".join(f"`{name}`" for name, _, _ in found)
    sections = "\n".join(_section(finding) for _, finding, _ in found)
    return f"{INTRO.format(cores=cores, names=names)}\n{sections}"


def _section(finding: Finding) -> str:
    lines = [f"## {finding.title}", "", finding.method, ""]
    lines += ["| what | measured | promised | holds |", "| --- | --- | --- | --- |"]
    lines += [_line(row) for row in finding.rows]
    return "\n".join(lines) + "\n"


def _line(row: Row) -> str:
    holds = {True: "yes", False: "**no**", None: ""}[row.holds]
    cells = (row.what, row.measured, row.promised, holds)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
