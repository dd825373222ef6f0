# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""`ml3 bench` measures and compares with its targets; how fast it is here is not tested."""

from __future__ import annotations

import pytest
import torch

from ml3_ros.benchmarks import adaptation, estimators, memory, meta_step, online_loss, problems
from ml3_ros.cli.main import main


@pytest.fixture
def tiny(monkeypatch):
    """Make the quick benchmark one of a second."""
    plan = meta_step.Plan(
        problems=("shaped_sine",), kinds=("autograd",), seeds=(1, 2), rounds=2, seconds=0.0
    )
    monkeypatch.setattr(meta_step, "QUICK", plan)
    monkeypatch.setattr(memory, "UNROLLS", (1,))
    monkeypatch.setattr(memory, "SEGMENTS", {"whole": None})
    monkeypatch.setattr(memory, "OUTER_STEPS", (1,))
    monkeypatch.setattr(memory, "SEEDS", 1)


def test_the_table_ends_with_the_worst_ratio_over_its_target(tiny, capsys):
    assert main(["bench", "--quick"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("peak memory [MB]")
    rows = [line.split() for line in lines if "autograd" in line]
    ratios = []
    for (_, seeds, low, middle, high, target, seconds, _), n in zip(rows[:-1], "12", strict=True):
        assert seeds == n
        assert 0.0 < float(low) <= float(middle) <= float(high)
        assert float(seconds) >= 0.0
        ratios.append(float(middle) / float(target))
    assert lines[-1].startswith("worst ratio over target: ")
    assert "shaped_sine" in lines[-1]
    assert float(lines[-1].split()[4]) == pytest.approx(min(ratios), rel=0.1)


@pytest.mark.parametrize("name", ["sine_regression", "shaped_sine", "invdyn_sawyer"])
def test_both_sides_compute_the_same_gradient(name):
    assert meta_step.difference(problems.PROBLEMS[name]()) < 1e-5


def test_both_cars_drive_alike():
    assert meta_step.difference(problems.mountain_car(horizon=20, width=8)) < 1e-5


def test_the_best_engine_counts_and_for_one_seed_compiled_or_not():

    def cell(seeds, kind, ratio, target):
        return meta_step.Cell(
            problem="p", seeds=seeds, kind=kind, ratios=(ratio,), preparation=0.0, target=target
        )

    many = [cell(64, "replayed", 10.0, 20.0), cell(64, "compiled", 18.0, 20.0)]
    one = [cell(1, "autograd", 1.0, 2.5), cell(1, "replayed", 5.0, 2.5)]
    assert meta_step.worst(many + one) == (many[1], 0.9)
    assert meta_step.worst([*many, *one, cell(1, "compiled", 4.0, 8.0)])[1] == 0.5


def test_segments_save_memory():
    whole, segments = (memory.in_child(60, 1, segment, 8) for segment in (None, 5))
    assert 0.0 < segments < 0.7 * whole


def test_a_step_of_the_online_learner_is_timed_for_every_loss(monkeypatch, capsys):
    monkeypatch.setattr(adaptation, "WINDOWS", 2)
    assert main(["bench", "adaptation", "--quick"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows[0][-5:] == ["2", "7", "grows", "as", "n^"]
    names = [row[0] for row in rows[2:6]]
    assert names == ["adam", "ml3", "ml3_mlp", "ml3_adaptive"]
    for row in rows[2:6]:
        assert all(float(x) > 0.0 for x in row[1:3])
    assert rows[7] == ["adam", "/", "adam", "1", "1"]


def test_estimators_are_compared_on_the_same_arms(monkeypatch, capsys):
    monkeypatch.setattr(estimators, "ROBOT", "reacher")
    monkeypatch.setattr(estimators, "FAMILIES", ("pushing",))
    for name in ("TRAIN", "VALIDATION", "TEST"):
        monkeypatch.setattr(estimators, name, (5, 1))
    monkeypatch.setattr(estimators, "QUICK_SECONDS", 0.01)
    assert main(["bench", "estimators", "--quick"]) == 0
    rows = capsys.readouterr().out.splitlines()[2:]
    cells = [row[:25].strip() for row in rows], [row[25:].split() for row in rows]
    found = dict(zip(*cells, strict=True))
    assert set(found) == set(estimators.WAYS)
    # derivatives do not scatter, and are their own reference; evolution does
    variance, along, _, error = found[estimators.REFERENCE][:4]
    assert (float(variance), float(along), float(error)) == (0.0, 1.0, 0.0)
    assert float(found["PES, windows of 2"][0]) > 0.0
    assert all(float(row[6]) > 0.0 for row in found.values())


def test_scatter_is_told_in_units_of_the_derivative():
    generator = torch.Generator().manual_seed(0)
    derivative = torch.zeros(400).index_fill(0, torch.tensor([0]), 3.0)
    lives = 0.5 * derivative + torch.randn(200, 400, generator=generator)
    variance, along, error = estimators.compared(lives, derivative)
    assert variance == pytest.approx(400 / 9, rel=0.1)
    assert error == pytest.approx(1.0 / 3.0 / 200**0.5, rel=0.2)
    assert abs(along - 0.5) < 4.0 * error


def test_losses_that_go_on_learning_are_compared_with_frozen_ones(monkeypatch, capsys):
    monkeypatch.setattr(online_loss, "SAMPLES", 48)
    monkeypatch.setattr(online_loss, "LOSSES", ("ml3_shaped",))
    assert main(["bench", "online_loss", "--quick"]) == 0
    rows = capsys.readouterr().out.splitlines()[2:]
    assert [row.split("  ")[0] for row in rows] == [
        f"reacher_ml3_shaped, {kind}" for kind in online_loss.STREAMS
    ]
    assert not [row for row in rows if " 1 ± 0  1 ± 0" in row]  # phi has changed something
