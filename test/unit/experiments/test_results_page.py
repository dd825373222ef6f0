# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The page of results: every number comes from a metrics file, and the page in docs is current."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import pytest

from ml3_ros.cli.main import main
from ml3_ros.errors import ConfigError, DataError
from ml3_ros.experiments.page.choices import choices_table
from ml3_ros.experiments.page.metrics_view import MetricsView
from ml3_ros.experiments.page.overview import overview_figure
from ml3_ros.experiments.page.page import load_metrics, results_page
from ml3_ros.experiments.page.writer import take_run, write_results
from ml3_ros.experiments.registry import SECTIONS
from ml3_ros.experiments.runner.section import Section, Target

DOCS = Path(__file__).resolve().parents[3] / "docs"

METRICS = {
    "experiment": "toy",
    "config": {"x": "gradient steps", "horizon": 10},
    "methods": {
        "sgd_tuned": {"x": [0, 1, 10], "per_seed": [[1, 0.5, 0.25], [1, 0.7, 0.75], [1, 2, 3]]},
        "novel": {"x": [0, 1, 10], "per_seed": [[1, 0.5, 0.125], [1, 0.6, 0.2], [1, 5, math.inf]]},
        "novel@learned/nominal": {"x": [0, 1], "per_seed": [[1, 0.1], [1, 0.2], [1, 0.3]]},
    },
    "headline": {
        "share": 0.25,
        "sgd_tuned/step_size": 0.03,
        "novel/diverged": 1.0,
        "learned/nominal/novel/ratio_at_1": 0.75,
        "learned/nominal/novel/diverged": 0.0,
    },
}
SECTION = Section(
    name="toy",
    title="A toy (Fig. 1)",
    command="ml3 experiment toy --out out/toy",
    paper="toys learn",
    authors="nothing",
    ours='{{ m("share", ".0%") }} of {{ m("seeds", ".0f") }} seeds, '
    '{{ m("novel at 10", ".2g") }} against {{ m("sgd_tuned at 10", ".2g") }}',
    about='Error after {{ m("config/horizon", "g") }} steps.',
    notes=(
        'On a stream {{ m("novel@learned/nominal at 1 / novel@learned/nominal at 0", ".1f") }}.',
    ),
    targets=(
        Target(text="few", key="share", relation="<=", value=0.5),
        Target(text="many", key="share", relation=">=", value=0.5),
    ),
    panels={"": "at once", "learned/nominal": "F learned"},
    curves=("novel", "sgd_tuned"),
    y="error",
)
RUN = {
    "experiment": "invdyn_live",
    "config": {},
    "methods": {
        "adam_tuned": {
            "prequential_nmse": {"j0": 0.5, "j1": 0.25, "j2": math.nan},
            "x": [8, 80],
            "seconds": [0.15, 1.5],
            "per_seed": [[0.9, 0.3]],
        },
        "least_squares": {"prequential_nmse": {"j0": 0.1, "j1": 0.1, "j2": math.nan}},
    },
    "headline": {"adam_tuned_heldout_nmse": 0.3},
}


def page(section=SECTION, metrics=METRICS):
    return results_page((section,), {section.name: MetricsView(metrics)})


def test_sentences_are_filled_from_the_metrics():
    text = page()
    assert "25% of 3 seeds, 0.2 against 0.75" in text
    assert "- On a stream 0.2." in text
    assert "Error after 10 steps." in text
    changed = json.loads(json.dumps(METRICS))
    changed["headline"]["share"] = 0.75
    assert "75% of 3 seeds" in page(metrics=changed)


def test_a_sentence_may_name_a_number_of_another_section():
    section = replace(SECTION, notes=('There it is {{ m("share", ".0%", of="other") }}.',))
    other = METRICS | {"headline": {"share": 0.5}}
    views = {"toy": MetricsView(METRICS), "other": MetricsView(other)}
    assert "- There it is 50%." in results_page((section,), views)
    with pytest.raises(DataError, match="section toy needs"):
        page(section)


def test_targets_are_evaluated_and_counted():
    text = page()
    assert "| few | ≤ 0.5 | 0.25 | reached |" in text
    assert "| many | ≥ 0.5 | 0.25 | **missed** |" in text
    assert "| 1 of 2 |" in text
    assert not Target(text="", key="", relation="<=", value=1.0).reached(math.nan)
    assert not Target(text="", key="", relation=">=", value=1.0).reached(math.nan)


def test_tables_have_spread_step_sizes_panels_and_what_diverged():
    text = page()
    assert "**at once**\n\n| method | @1 | @10 | step | diverged |" in text
    assert "| SGD, tuned (`sgd_tuned`) | 0.7 [0.5 2] | 0.75 [0.25 3] | 0.03 |  |" in text
    assert "(`novel`) | 0.6 [0.5 5] | 0.2 [0.12 ∞] |  | 1 |" in text
    assert "**F learned**\n\n| method | @1 | diverged |" in text
    assert "| ratio to | @1 |\n| --- | ---: |\n| novel | 0.75 |" in text
    assert "| method | @10 | step |" in page(replace(SECTION, columns=(10, 77)))
    alone = page(replace(SECTION, panels={"": "at once"}))
    assert "F learned" not in alone and "ratio" not in alone


def test_where_a_method_was_not_looked_at_its_cell_is_empty():
    metrics = json.loads(json.dumps(METRICS))
    metrics["methods"]["novel"] = {"x": [0, 1], "per_seed": [[1, 0.5], [1, 0.6], [1, 5]]}
    section = replace(SECTION, columns=(1, 10), ours='{{ m("share", ".0%") }}')
    for methods in (metrics["methods"], dict(reversed(metrics["methods"].items()))):
        text = page(section, metrics | {"methods": methods})
        assert "(`novel`) | 0.6 [0.5 5] |  |  | 1 |" in text
        assert "(`sgd_tuned`) | 0.7 [0.5 2] | 0.75 [0.25 3] | 0.03 |  |" in text


def test_estimates_are_columns_with_their_intervals():
    metrics = json.loads(json.dumps(METRICS))
    metrics["headline"] |= {
        "learned/nominal/novel/last": 0.5, "learned/nominal/novel/last_low": 0.25,
        "learned/nominal/novel/last_high": 0.75, "learned/nominal/novel/steps": 300_000.0,
    }  # fmt: skip
    columns = {"last episode": "last", "far": "nowhere", "steps": "steps"}
    panels = {"learned/nominal": "F learned", "other": "that was not run"}
    text = page(replace(SECTION, estimates=columns, panels=panels), metrics)
    assert "| method | last episode | steps |" in text
    assert "| novel (`novel`) | 0.5 [0.25 0.75] | 300,000 |" in text
    assert "that was not run" not in text


def test_a_note_of_what_was_not_run_is_left_out():
    note = '{% if has("moon") %}{{ m("moon") }}{% endif %}{% if has("share") %}There.{% endif %}'
    text = page(replace(SECTION, notes=(note, '{% if has("moon") %}No.{% endif %}')))
    assert "No." not in text
    assert "- There.\n\n| quantity" in text  # no empty line in its place


def test_many_panels_are_folded():
    metrics = json.loads(json.dumps(METRICS))
    metrics["methods"]["novel@third"] = metrics["methods"]["novel@learned/nominal"]
    text = page(replace(SECTION, panels={**SECTION.panels, "third": "one more"}), metrics)
    assert text.count("<details><summary>") == text.count("</details>") == 3
    assert "<summary>one more</summary>\n\n| method |" in text


def test_named_abscissae_are_rows():
    metrics = json.loads(json.dumps(METRICS))
    metrics["config"]["networks"] = ["tanh 1x16", "elu 2x64"]
    text = page(replace(SECTION, rows="networks", panels={"": "networks"}), metrics)
    assert "|  | SGD, tuned | novel |\n" in text
    assert "| elu 2x64 | 0.7 [0.5 2] | 0.6 [0.5 5] |" in text
    assert "<summary>networks</summary>" in text


def test_a_run_on_one_robot_has_its_two_tables():
    section = replace(SECTION, one_run=True, ours="", notes=(), targets=(), about="")
    text = page(section, RUN)
    assert "| held-out NMSE after steps (seconds) | 8 (0.15 s) | 80 (1.5 s) |" in text
    assert "| Adam, tuned | 0.9 | 0.3 |" in text
    assert "| prequential NMSE | mean | j0 | j1 | j2 |" in text
    assert "| Adam, tuned | 0.375 | 0.5 | 0.25 | - |" in text
    assert "| least squares | 0.1 | 0.1 | 0.1 | - |" in text


def test_without_metrics_a_section_holds_a_note():
    text = results_page((SECTION,), {})
    assert "| not run yet | - |" in text
    assert "Not run yet." in text
    assert SECTION.command in text
    assert overview_figure((SECTION,), {}) is None


@pytest.mark.parametrize(
    "change",
    [
        {"ours": '{{ m("nope") }}'},
        {"about": '{{ m("novel at 11") }}'},
        {"notes": ('{{ m("share", "what") }}',)},
        {"targets": (Target(text="", key="nope", relation="<=", value=1.0),)},
    ],
)
def test_a_number_that_the_metrics_lack_is_named(change):
    with pytest.raises(DataError, match="section toy needs"):
        page(replace(SECTION, **change))


def test_overview_draws_what_the_metrics_hold():
    sections = (SECTION, replace(SECTION, name="other"))
    figure = overview_figure(sections, {"toy": MetricsView(METRICS)})
    (axes,) = figure.axes
    assert [line.get_label() for line in axes.get_lines()] == ["novel", "SGD, tuned"]
    assert axes.get_lines()[0].get_ydata().tolist() == [0.6, 0.2]


def test_a_run_is_taken_with_its_figures(tmp_path):
    section = replace(SECTION, figures={"toy.png": "live.png"})
    folder, metrics = tmp_path / "out" / "toy", tmp_path / "docs" / "metrics"
    folder.mkdir(parents=True)
    images = tmp_path / "docs" / "images"
    with pytest.raises(DataError, match=r"no metrics.json: finish"):
        take_run(folder, metrics, images, (section,))
    config = {"out": str(folder), "horizon": 10, "files": [str(folder / "a.urdf")]}
    (folder / "metrics.json").write_text(json.dumps({**METRICS, "config": config}, indent=1))
    with pytest.raises(DataError, match=r"no live.png: finish"):
        take_run(folder, metrics, images, (section,))
    assert not metrics.exists()
    (folder / "live.png").write_bytes(b"picture")
    take_run(folder, metrics, images, (section,))
    assert (images / "toy.png").read_bytes() == b"picture"
    taken = json.loads((metrics / "toy.json").read_text())
    assert taken == {**METRICS, "config": {"out": "toy", "horizon": 10, "files": ["a.urdf"]}}
    written = write_results(metrics, tmp_path / "docs" / "results.md", (section,))
    assert [path.name for path in written] == ["results.md", "results.png"]
    assert "](images/toy.png)" in written[0].read_text()
    with pytest.raises(ConfigError, match="no section of the results is called docs"):
        take_run(tmp_path / "docs", metrics, images, (section,))
    (metrics / "toy.json").write_text("{}")
    with pytest.raises(DataError, match=r"toy.json is no metrics file"):
        load_metrics(metrics, (section,))


def test_the_page_in_docs_is_made_from_the_metrics_in_docs(tmp_path, capsys):
    assert main(["results", "--metrics", f"{DOCS}/metrics", "--out", f"{tmp_path}/r.md"]) == 0
    assert (tmp_path / "r.md").read_text() == (DOCS / "results.md").read_text(), "run `make docs`"
    assert str(tmp_path / "r.md") in capsys.readouterr().out


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.name)
def test_every_figure_of_a_section_with_metrics_is_there(section):
    if (DOCS / "metrics" / f"{section.name}.json").exists():
        for name in section.figures:
            assert (DOCS / "images" / name).exists()


def test_metrics_in_docs_all_have_a_section():
    names = {path.stem for path in (DOCS / "metrics").glob("*.json")}
    assert names <= {section.name for section in SECTIONS}


def test_sentences_of_ours_hold_no_typed_numbers():
    """A digit may stand in a key, a figure's or a method's name, a format; not in a sentence."""
    allowed = re.compile(r"\{[^}]*\}|ML3|UR10|Fig\. \d\w?|`[^`]*`|\b[Aa]fter \d+ (?:steps|s)\b")
    for section in SECTIONS:
        for sentence in (section.ours, *section.notes):
            assert not re.search(r"\d", allowed.sub("", sentence)), sentence


@pytest.mark.parametrize(
    ("relation", "measured", "good"),
    [
        ("<=", 1.0 + 1e-9, True),
        ("<=", 1.001, False),
        (">=", 1.0 - 1e-9, True),
        (">=", 0.999, False),
    ],
)
def test_a_target_is_reached_up_to_rounding(relation, measured, good):
    target = Target(text="x", key="x", relation=relation, value=1.0)
    assert target.reached(measured) is good
    assert not target.reached(float("nan"))


def test_the_table_of_choices_takes_numbers_of_sections_that_were_run():
    def view(**headline):
        return MetricsView({"experiment": "", "config": {}, "methods": {}, "headline": headline})

    fits = {"least_squares": 0.1, "robust_tuned": 0.8, "best": 0.9}
    touched = view(**{f"physical/learned/over_{name}": x for name, x in fits.items()})
    lines = choices_table({"touched": touched}).splitlines()
    assert len(lines) == 3  # rows of experiments that were not run are left out
    assert "0.12 of the error of least squares" in lines[2]
    nets = {"gate": 0.5, "adam": 0.2}
    networks = view(**{f"network_on_model/learned/over_{name}": x for name, x in nets.items()})
    real = view(**{"simple/over_best": 0.7, "simple/over_least_squares": 0.4})
    run = {"touched": touched, "touched_networks": networks, "touched_real": real}
    lines = choices_table(run).splitlines()
    assert len(lines) == 4 and "0.12 of the error of least squares" in lines[2]
    assert "0.90 of the error of the best robust fit" in lines[3] and "0.10 of that" in lines[3]
    assert "real arms, trained on simulated Sawyers, 0.70 and 0.40;" in lines[3]
    assert "0.50 of that of the best gate, 0.20 of Adam" in lines[3]
    with pytest.raises(KeyError):
        choices_table({"touched": view()})
