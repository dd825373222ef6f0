# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The program `python -m faults`: its names, its files and its page."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path

import pytest

from faults import __main__ as program
from faults import benches, page
from faults.rig.result import Finding, Row
from faults.rig.rig import COUNTED, SLOW_DISK

ROOT = Path(__file__).resolve().parents[3]
FINDING = Finding(
    title="Teapots",
    method="They were dropped.",
    rows=[
        Row("whole", "3 of 3", "all", True),
        Row("lid | spout", "1 of 3", "all", False),
        Row("height", "1 m"),
    ],
)


def test_every_name_has_its_bench_and_every_bench_its_name():
    assert all(
        callable(importlib.import_module(f"{benches.__name__}.{name}").bench)
        for name in program.BENCHES
    )
    (folder,) = benches.__path__
    assert {path.stem for path in Path(folder).glob("[!_]*.py")} == set(program.BENCHES)


@pytest.mark.parametrize("runner", [COUNTED, SLOW_DISK])
def test_what_runs_a_node_in_its_place_is_found_by_its_name(runner):
    assert importlib.util.find_spec(runner)


def test_a_finding_comes_back_from_its_file(tmp_path):
    measured = page.Measured(FINDING, 4, "2026-11-28")
    page.save(tmp_path / "teapots.json", measured)
    assert page.load(tmp_path / "teapots.json") == measured


def test_the_page_shows_every_row_and_marks_what_does_not_hold():
    text = page.render({"teapots": page.Measured(FINDING, 4)})
    assert "4 cores" in text and "`teapots`" in text
    assert "## Teapots\n\nThey were dropped.\n" in text
    assert "| whole | 3 of 3 | all | yes |" in text
    assert "| lid \\| spout | 1 of 3 | all | **no** |" in text
    assert "| height | 1 m |  |  |" in text


def test_the_page_names_what_was_not_measured_again():
    text = page.render(
        {
            "teapots": page.Measured(FINDING, 4, "2026-11-28"),
            "cups": page.Measured(Finding("Cups", "", []), 4),
        }
    )
    assert "They were dropped.\n\nMeasured on 2026-11-28.\n" in text
    assert "Measured before 2026-11-28, and not again since." in text.partition("## Cups")[2]


def test_a_broken_promise_makes_the_run_fail_and_is_on_the_page(tmp_path, monkeypatch):
    monkeypatch.setattr(program, "run", lambda name, quick: FINDING)
    words = ["losses", "--out", str(tmp_path), "--page", str(tmp_path / "page.md")]
    assert program.main(words) == 1
    assert "Teapots" in (tmp_path / "page.md").read_text()
    good = Finding("Cups", "", [Row("whole", "3", "all", True), Row("height", "1 m")])
    monkeypatch.setattr(program, "run", lambda name, quick: good)
    assert program.main(words) == 0
    text = (tmp_path / "page.md").read_text()
    assert "Cups" in text and "Teapots" not in text


def test_the_page_in_docs_is_made_from_the_findings_in_docs():
    findings = {
        name: page.load(ROOT / program.FINDINGS / f"{name}.json") for name in program.BENCHES
    }
    assert (ROOT / program.PAGE).read_text() == page.render(findings), "run `make faults`"
