# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""`ml3 identify`: from a bag to a folder, and every rejection in one sentence."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest
import yaml
from scipy.io import savemat

from ml3_ros.cli.main import main
from ml3_ros.identification.checks import Finding
from ml3_ros.identification.physical.identified_file import load_identified
from ml3_ros.identification.physical.inertia import is_physical
from ml3_ros.identification.recorded.sources import load_arm
from ml3_ros.identification.run import Identification, IdentifyConfig, identify
from ml3_ros.identification.verdicts import Verdict
from ml3_ros.reports.identification.figures import (
    effort_figure,
    error_figure,
    friction_figure,
)
from ml3_ros.reports.identification.friction_file import (
    load_friction,
)
from ml3_ros.reports.identification.html import report_html
from ml3_ros.reports.identification.output import identification_metrics
from ml3_ros.reports.identification.tables import error_markdown, error_table
from ml3_ros.robots.registry import load_robot

TRUE = np.array([[1.0, 0.8, 1.5, 0.3], [2.5, 0.4, 0.9, -0.2]])  # as in conftest
SMALL = [
    "networks.seeds=2",
    "networks.hidden=8",
    "networks.marks=5,20",
    "networks.adam_steps=0.01",
]
ONE_JOINT = """<robot name="one"><link name="base"/>
<link name="lower"><inertial><origin xyz="0 0 -0.3"/><mass value="1.5"/>
 <inertia ixx="0.02" iyy="0.02" izz="0.005" ixy="0" ixz="0" iyz="0"/></inertial></link>
<joint name="elbow" type="revolute"><parent link="base"/><child link="lower"/>
 <axis xyz="0 1 0"/><limit lower="-2.5" upper="2.5" velocity="4" effort="80"/></joint></robot>"""
METHODS = [
    "rigid_body",
    "classical_fit",
    "regressor_ridge",
    "extended_fit",
    "physical_simple",
    "physical",
    "network_adam",
    "network_ml3",
    "residual_adam",
    "residual_ml3",
    "hybrid_adam",
    "hybrid_ml3",
]


@pytest.fixture(scope="module")
def result(recording, model, tiny):
    config = IdentifyConfig(bag="my_bag", urdf="pendulum.urdf", networks=tiny)
    return identify(config, recording, model, lambda text: None)


@pytest.mark.parametrize("killed", [False, True])
def test_a_bag_becomes_a_folder(recording, urdf, tmp_path, save_bag, capsys, killed):
    bag, out = save_bag(tmp_path / "bag", recording), tmp_path / "out"
    if killed:  # a recorder writes neither the end of the file nor metadata.yaml then
        (bag / "metadata.yaml").unlink()
        file = bag / "bag.mcap"
        file.write_bytes(file.read_bytes()[:-20])
    words = ["identify", "--bag", str(bag), "--urdf", str(urdf), "--out", str(out), *SMALL]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert ("bag.mcap was never closed" in printed) == killed
    assert "velocity: correlates" in printed and "hybrid_ml3: held-out NMSE" in printed
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["experiment"] == "identify"
    assert metrics["config"]["joints"] == ["shoulder", "elbow"]
    assert metrics["config"]["networks"]["seeds"] == 2
    assert list(metrics["methods"]) == METHODS
    for name, method in metrics["methods"].items():
        assert method["x"] == [0, 1]
        assert np.shape(method["per_seed"]) == (2 if "_adam" in name or "_ml3" in name else 1, 2)
    assert metrics["headline"]["best_over_reference"] < 2.0
    names, coefficients = load_friction(out / "friction.yaml")
    assert names == ("shoulder", "elbow")
    arm = load_identified(out / "written" / "identified.json")
    assert arm.names == names and is_physical(arm.links).all()
    page = (out / "report.html").read_text()
    for path in (out / "written").iterdir():
        assert f'href="written/{path.name}"' in page
    assert load_robot(out / "written" / "arm.urdf").names == names
    assert load_robot(out / "written" / "arm.xml").names == names
    np.testing.assert_allclose(coefficients, TRUE, atol=0.03)
    joints = yaml.safe_load((out / "friction.yaml").read_text())["joints"]
    ends = np.array([list(joint["intervals"].values()) for joint in joints.values()])
    assert (np.abs(ends - TRUE[..., None]) < 0.1).all() and (np.diff(ends) > 0.0).all()
    assert len(yaml.safe_load((out / "base_parameters.yaml").read_text())["base_parameters"]) == 13
    assert all(f"{topic}: " in printed for topic in ("clipping", "rank", "parameters"))
    page = (out / "report.html").read_text()
    assert "Friction by the classical fit" in page and "90 % intervals" in page
    assert page.count("data:image/png;base64,") == 3
    assert not re.findall(r"""(?:src|href)=["'](?!data:|written/)""", page)
    for name in ("errors", "efforts", "friction"):
        assert (out / f"{name}.png").stat().st_size and (out / f"{name}.svg").stat().st_size
    assert (out / "table.md").read_text().startswith("| held-out NMSE | mean |")


def test_every_method_is_evaluated_on_held_out_rows_alone(result):
    assert list(result.heldout) == METHODS
    out = result.rows.held_out
    for name, predicted in result.predicted.items():
        error = np.mean((predicted - result.rows.tau)[:, out] ** 2, axis=1)
        expected = error / result.rows.tau[out].var(axis=0)
        np.testing.assert_allclose(result.heldout[name], expected)
    assert result.best() == "hybrid_ml3"
    assert {finding.topic for finding in result.findings} >= {"rate", "effort", "excitation"}


def test_where_no_loss_fits_the_arm_a_note_and_the_rest_remain(recording, tiny, tmp_path):
    """An arm of one joint: no loss ships for it."""
    one = replace(
        recording,
        names=("elbow",),
        **{name: getattr(recording, name)[:, 1:] for name in ("q", "v", "tau")},
    )

    path = tmp_path / "one.urdf"
    path.write_text(ONE_JOINT)
    config = IdentifyConfig(bag="b", urdf="u", networks=tiny)
    found = identify(config, one, load_arm(str(path)), lambda text: None)
    assert "network_ml3" not in found.heldout and found.best() == "hybrid_adam"
    assert "no ML3 networks: no shipped loss is for 1 joints" in found.notes[0]
    assert len(error_table(found).splitlines()) == 2 + len(found.heldout)
    for figure in (error_figure, effort_figure, friction_figure):
        assert figure(found).axes


def test_diverged_seeds_stay_in(result):
    heldout = {**result.heldout, "network_adam": np.array([[np.inf, 0.1], [0.2, 0.1]])}
    broken = replace(result, heldout=heldout)
    metrics = identification_metrics(broken)
    assert metrics.methods["network_adam"]["per_seed"][0][0] == np.inf
    assert metrics.headline["network_adam_heldout_nmse"] == np.inf
    assert "∞" in error_table(broken)
    assert error_figure(broken).axes


def test_markdown_is_made_from_metrics_alone(result):
    metrics = identification_metrics(result)
    lines = error_markdown(metrics.methods, metrics.config["joints"]).splitlines()
    assert lines[0] == "| held-out NMSE | mean | ± seeds | shoulder | elbow |"
    assert len(lines) == 2 + len(METHODS)
    assert lines[3].startswith("| model + friction fit | ")


def test_names_are_escaped(result):
    evil = ("<script>alert(1)</script>", 'a"b&c')
    other: Identification = replace(
        result,
        name="<i>arm</i>",
        rows=replace(result.rows, joint_names=evil),
        findings=(Finding(topic="<b>", fine=False, text="<u>x</u>"),),
        verdicts=(Verdict(joint=evil[0], sentence="<s>bad</s>"),),
        notes=("<em>note</em>",),
    )
    page = report_html(other, {"<h>": b"png"})
    for tag in ("<script>", "<i>", "<u>", "<s>", "<em>", "<h>"):
        assert tag not in page
    assert "&lt;script&gt;" in page and "a&#34;b&amp;c" in page


def test_the_report_holds_what_was_found(result):
    page = report_html(result, {})
    for finding in result.findings:
        assert finding.topic in page
    for name in ("model + friction fit", "hybrid, ML3", "classical fit + ML3 network"):
        assert name in page
    assert "Every joint is served well" in report_html(replace(result, verdicts=()), {})


def cut(recording, **signals):
    parts = {name: getattr(recording, name)[:1000] for name in ("t", "q", "v", "tau")}
    return replace(recording, **{**parts, **signals})


SPOILT = {
    "too short": (lambda r: cut(r), "too short: 10.0 s give 5 blocks"),
    "other joints": (
        lambda r: cut(r, names=("a", "b")),
        "no joint shoulder, elbow: .* carries a, b; name them by rename=.*, or give the URDF",
    ),
    "NaN": (
        lambda r: cut(r, q=np.full((1000, 2), np.nan)),
        "position of shoulder, elbow is NaN in every message of",
    ),
    "empty": (
        lambda r: cut(r, **{name: getattr(r, name)[:0] for name in ("t", "q", "v", "tau")}),
        "holds no message: record it again",
    ),
    "no effort": (
        lambda r: cut(r, tau=np.zeros((1000, 0))),
        "carries no effort: record it with a driver that fills it",
    ),
    "constant effort": (lambda r: cut(r, tau=np.ones((1000, 2))), "effort in .* never changes"),
}


@pytest.mark.parametrize("name", SPOILT)
def test_bags_that_cannot_be_used_are_rejected(name, recording, urdf, tmp_path, save_bag, capsys):
    spoil, sentence = SPOILT[name]
    bag = save_bag(tmp_path / "bag", spoil(recording))
    words = ["identify", "--bag", str(bag), "--urdf", str(urdf), "--out", str(tmp_path / "out")]
    assert main([*words, *SMALL]) == 2
    printed = capsys.readouterr().err.splitlines()
    assert len(printed) == 1 and printed[0].startswith("ml3: ")
    assert re.search(sentence, printed[0])
    assert not (tmp_path / "out" / "metrics.json").exists()


@pytest.fixture
def rejected(recording, urdf, tmp_path, save_bag, capsys):
    """Call `ml3 identify` with words; return the sentence of the rejection."""

    def call(*words):
        places = {
            "BAG": lambda: save_bag(tmp_path / "bag", recording),
            "URDF": lambda: urdf,
            "OUT": lambda: tmp_path / "out",
        }
        assert main(["identify", *(str(places.get(w, lambda w=w: w)()) for w in words)]) == 2
        *before, last = capsys.readouterr().err.splitlines()
        assert last.startswith("ml3: ") and not any(x.startswith("Traceback") for x in before)
        return last

    return call


def test_wrong_arguments_are_rejected(rejected, tmp_path):
    for words in ((), ("--bag", "b"), ("--urdf", "u"), ("--bag", "b", "--table", "t")):
        assert "--bag FILE --urdf FILE, or --table FILE alone" in rejected(*words)
    both = ("--bag", "BAG", "--urdf", "URDF", "--out", "OUT")
    assert "split.block=0" in rejected(*both[:4], "--out", "OUT", "split.block=0")
    assert not (tmp_path / "out").exists()


def test_missing_files_are_rejected(rejected, tmp_path):
    nowhere = str(tmp_path / "nowhere.db3")
    assert "there is no bag at" in rejected("--bag", nowhere, "--urdf", "URDF", "--out", "OUT")
    missing = rejected("--bag", nowhere, "--urdf", str(tmp_path / "no.urdf"), "--out", "OUT")
    assert "no.urdf" in missing
    assert "use sawyer, reacher, ur10, panda or a .urdf" in rejected(
        "--bag", "b", "--urdf", "dragon"
    )
    assert "there is no table at" in rejected("--table", str(tmp_path / "no.mat"), "--out", "OUT")
    assert not (tmp_path / "out").exists()


def test_losses_that_do_not_fit_are_rejected(rejected):
    words = ("--bag", "BAG", "--urdf", "URDF", "--out", "OUT", *SMALL)
    assert "not one for the torques of 2 joints" in rejected(*words, "loss=sawyer_ml3_shaped")


def test_a_folder_that_cannot_be_written_is_rejected_before_anything_is_learned(
    rejected, tmp_path, capsys
):
    (tmp_path / "file").touch()
    out = str(tmp_path / "file" / "out")
    sentence = rejected("--bag", "BAG", "--urdf", "URDF", "--out", out, *SMALL)
    assert out in sentence and "choose a folder that can" in sentence
    matrix = np.random.default_rng(0).normal(size=(500, 8))
    savemat(tmp_path / "x.mat", {"x": matrix})
    assert out in rejected("--table", str(tmp_path / "x.mat"), "--out", out)
