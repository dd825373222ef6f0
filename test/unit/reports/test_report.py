# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The report of a run: right numbers, reference lines by the model, and sentences."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from ml3_ros.data.run_files import Predictions, RunFolder
from ml3_ros.errors import DataError
from ml3_ros.identification.models.scores import nmse, running_nmse
from ml3_ros.reports.online.report import build_report, report_metrics
from ml3_ros.reports.online.table import report_table


def test_methods_are_scored_and_listed_in_the_project_s_order(save_run):
    report = build_report(save_run())
    assert list(report.methods)[:2] == ["ml3_shaped", "adam_tuned"]
    good = report.methods["ml3_shaped"]
    np.testing.assert_allclose(good.prequential, 0.01, rtol=1e-6)
    np.testing.assert_allclose(good.running, 0.01, rtol=1e-6)
    assert np.isinf(report.methods["adam_tuned"].prequential).all()
    assert np.isfinite(report.methods["adam_tuned"].running[:300]).all()
    assert not np.isfinite(report.methods["adam_tuned"].running[300:]).any()
    assert report.learn_seconds == pytest.approx(7.99)


def test_least_squares_with_friction_is_at_the_noise_floor_and_without_it_is_not(save_run):
    report = build_report(save_run())
    floor = report.methods["least_squares_friction"]
    assert floor.heldout[-1].max() < 2e-4
    assert report.methods["least_squares"].heldout[-1].mean() > 1e-2
    assert report.methods["rigid_body"].prequential.mean() > 1e-2
    np.testing.assert_array_less(
        report.in_sample["learned"], report.methods["classical_fit"].prequential + 1e-12
    )


def test_the_order_of_the_joints_in_the_folder_does_not_matter(save_run, stream):
    straight = build_report(save_run())
    turned = {name: getattr(stream, name)[:, ::-1] for name in ("q", "v", "a", "tau")}
    report = build_report(
        save_run(replace(stream, joint_names=stream.joint_names[::-1], **turned))
    )
    for name in ("least_squares_friction", "classical_fit", "rigid_body"):
        np.testing.assert_allclose(
            report.methods[name].prequential[::-1], straight.methods[name].prequential
        )
        np.testing.assert_allclose(
            report.methods[name].heldout[:, ::-1], straight.methods[name].heldout
        )


def test_joints_that_the_run_does_not_have_are_held(save_run, stream):
    one = {name: getattr(stream, name)[:, :1] for name in ("q", "v", "a", "tau")}
    folder = save_run(replace(stream, joint_names=stream.joint_names[:1], **one))
    run = RunFolder(folder)
    kept = run.load_predictions()
    methods = {"ml3_shaped": kept.tau}
    run.save_predictions(Predictions(t=kept.t, tau=kept.tau, methods=methods))
    (folder / "heldout.npz").unlink()
    report = build_report(folder)
    assert {"rigid_body", "least_squares_friction"} <= set(report.methods)
    assert report.methods["rigid_body"].predicted.shape[1] == 1


def test_references_never_see_the_held_out_part(save_run, stream):
    straight = build_report(save_run())
    tau = stream.tau.copy()
    tau[900:] *= -1.0
    report = build_report(save_run(replace(stream, tau=tau)))
    for name, method in straight.methods.items():
        np.testing.assert_array_equal(report.methods[name].prequential, method.prequential)


def test_held_out_motion_that_was_learned_from_before_is_reported(save_run, stream):
    assert not any("repeat" in note for note in build_report(save_run()).notes)
    lap = np.arange(len(stream.t)) % 300
    again = {name: getattr(stream, name)[lap] for name in ("q", "v", "a", "tau")}
    table = report_table(build_report(save_run(replace(stream, **again))))
    assert (
        "100 % of the held-out samples repeat what was learned from (the motion repeats" in table
    )
    assert "every 3.00 s" in table and "held-out errors say nothing of other motion" in table
    alone = replace(stream, learn_until=stream.t[-1])
    assert build_report(save_run(alone)).notes == ()


@pytest.mark.parametrize("robot", ["", "sawyer", "gone.urdf"])
def test_without_the_model_the_report_goes_on_and_names_the_reason(save_run, robot):
    report = build_report(save_run(robot=robot))
    assert list(report.methods) == ["ml3_shaped", "adam_tuned"]
    assert "no reference lines: " in report_table(report)
    assert "least_squares" in build_report(save_run(robot=robot), robot="reacher").methods


def test_a_run_without_a_held_out_part_is_reported(save_run):
    folder = save_run()
    (folder / "heldout.npz").unlink()
    report = build_report(folder)
    assert "Held-out" not in report_table(report)
    assert "x" not in report_metrics(report)["methods"]["ml3_shaped"]


def test_files_of_different_runs_are_rejected(save_run, stream):
    folder = save_run()
    RunFolder(folder).save_samples(replace(stream, t=stream.t + 100.0, learn_until=200.0))
    with pytest.raises(DataError, match="different runs"):
        build_report(folder)


def cells(table):
    """Return the cells of a table by the text in the first column."""
    lines = [re.split(r"  +", line) for line in table.splitlines()[1:]]
    return {first: [cell.strip() for cell in rest] for first, *rest in lines}


def test_the_table_shows_every_method(save_run):
    table = report_table(build_report(save_run()))
    heldout, prequential, meanings = table.split("\n\n")
    assert meanings.startswith("ML3, shaped: plain ML3")
    rows = cells(heldout)
    assert rows["gradient steps"] == ["8", "80", "800", "median"]
    assert rows["ML3, shaped"] == ["1.1", "0.6", "0.2", "0.2"]
    assert rows["Adam, tuned"] == ["∞"] * 4
    rows = cells(prequential)
    assert rows[""] == ["mean", "median", "joint0", "joint1"]
    assert rows["ML3, shaped"] == ["0.01"] * 4
    assert (
        rows["model + friction fit, in sample"][0]
        < rows["model + friction fit"][0]
        < rows["rigid-body model"][0]
    )
    assert max(map(len, table.splitlines())) <= 100


def test_metrics_are_what_the_table_shows(save_run):
    metrics = report_metrics(build_report(save_run(experiment="here")))
    shaped = metrics["methods"]["ml3_shaped"]
    assert metrics["experiment"] == "here"
    assert metrics["config"]["x"] == "gradient steps"
    assert shaped["x"] == [8.0, 80.0, 800.0]
    np.testing.assert_allclose(shaped["per_seed"], [[1.1, 0.6, 0.2]])
    assert shaped["heldout_nmse"] == pytest.approx({"joint0": 0.1, "joint1": 0.3})
    assert metrics["headline"]["ml3_shaped_heldout_nmse"] == pytest.approx(0.2)
    assert metrics["headline"]["adam_tuned_heldout_nmse"] == np.inf


def test_scores():
    measured = np.array([[0.0, 1.0], [2.0, 1.0]])
    np.testing.assert_array_equal(nmse(measured + 1.0, measured), [1.0, np.nan])
    np.testing.assert_array_equal(nmse(np.array([[np.nan, 1.0]] * 2), measured), [np.inf, np.nan])
    t = np.arange(6.0)
    tau = np.array([[1.0], [-1.0]] * 3)
    predicted = tau + np.array([[0.0], [0.0], [2.0], [2.0], [0.0], [np.inf]])
    running = running_nmse(t, predicted, tau, seconds=2.0)[:, 0]
    np.testing.assert_allclose(running, [0, 0, 2, 4, 2, np.inf])


def test_a_method_that_learned_no_more_is_named(save_run):
    folder = save_run()
    run = RunFolder(folder)
    ended = {"adam_tuned": {"reason": "RuntimeError: shapes", "n_steps": 40}}
    run.save_config(run.load_config() | {"ended": ended})
    table = report_table(build_report(folder))
    assert "adam_tuned learned no more after 40 updates (RuntimeError: shapes)" in table
