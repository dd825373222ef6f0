# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recordings of real arms as touched ones: read, cut, touched, fitted; tables end to end."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from ml3_ros.errors import ConfigError, DataError
from ml3_ros.experiments.touched.linear_rivals import LinearRivals, Robust
from ml3_ros.experiments.touched.panels import Panel
from ml3_ros.experiments.touched_real import run, tuning
from ml3_ros.experiments.touched_real.config import TouchedRealConfig
from ml3_ros.experiments.touched_real.data import GUARD, RealArms, hand_torque
from ml3_ros.experiments.touched_real.output import best_rival, finish, metrics, panels_of
from ml3_ros.experiments.touched_real.recordings import ARMS, PUSHES, RATE, STANDING


@pytest.fixture
def folder(recorded):
    return recorded.folder


@pytest.fixture
def config(folder):
    return TouchedRealConfig(
        data=str(folder),
        recordings=("ur10e",),
        families=("none", "pushing", "hand", "hand_after", "hand_alone"),
        seeds=2,
        support_seconds=8.0,
        stretches=2,
        n_validation=2,
    )


@pytest.fixture
def arms(config):
    return RealArms(config, "ur10e", memory=False)


def test_a_recording_is_read_at_even_times_with_its_torque(folder):
    rows, model = ARMS["ur10e"].rows(folder), ARMS["ur10e"].model(folder)
    steps = np.diff(rows.t[rows.even])
    np.testing.assert_allclose(steps, 1.0 / RATE, atol=1e-9)
    at = rows.even
    free = rows.tau[at] - model.rnea(rows.q[at], rows.v[at], rows.a[at])
    left = free - 5.0 * np.tanh(rows.v[at] / 0.05)
    assert (np.abs(left).mean(0) < 3.0).all() and np.abs(free).mean() > 3.0


def test_one_number_a_line_is_read_too(tmp_path):
    panda, n = ARMS["panda"], 400
    t = 0.001 * np.arange(n)
    np.savetxt(tmp_path / panda.file, t)
    for name, values in (("positions", np.sin(t)), ("velocity", np.cos(t)), ("torques", t)):
        joints = values[:, None] + np.arange(7)
        np.savetxt(tmp_path / f"exciting_traj_{name}.txt", joints.ravel())
    recording = panda.read(tmp_path)
    np.testing.assert_allclose(recording.q[:, 3], np.sin(t) + 3.0)
    np.testing.assert_allclose(recording.tau[:, 6], t + 6.0)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match=r"14harm50sec\.csv: docs/arms\.md"):
        ARMS["ur10e"].read(tmp_path)


def test_what_a_hand_adds_is_told_from_what_the_arm_holds(recorded):
    rows = STANDING.rows(recorded.folder)
    added, pushed = hand_torque(rows.t, rows.tau)
    at_work = np.any([(rows.t > a + 0.3) & (rows.t < b - 0.3) for a, b in PUSHES], axis=0)
    expected = np.tile(recorded.push, (at_work.sum(), 1))
    np.testing.assert_allclose(added[at_work], expected, atol=8.0 * recorded.noise)
    assert pushed[at_work].all() and not added[~pushed].any()
    assert 0.3 < pushed.mean() < 0.5


def test_what_is_held_out_is_far_from_what_is_learned_from(arms):
    recordings = arms.family("none", 0).arms
    n = recordings.n_support
    assert n == round(8.0 * RATE)
    for learned, held_out in zip(recordings.q[:, :n], recordings.q[:, n:], strict=True):
        both = torch.cdist(learned, held_out)
        assert float(both.min()) > 0.0
    moved = arms.family("none", 1).arms
    assert not torch.equal(recordings.q, moved.q) and recordings.q.shape == moved.q.shape
    assert GUARD / RATE > 0.25


def test_only_what_is_learned_from_is_touched(arms):
    for kind in ("none", "pushing", "hand", "hand_after", "hand_alone"):
        recordings = arms.family(kind, 0).arms
        n, added = recordings.n_support, recordings.tau - recordings.free
        assert not added[:, n:].any() and not recordings.touched[:, n:].any()
        np.testing.assert_array_equal(added[~recordings.touched].numpy(), 0.0)
        assert bool(added.any()) == bool(recordings.touched.any()) == (kind != "none")
    before, after = (arms.family(kind, 0).arms for kind in ("none", "hand_after"))
    n = before.n_support
    torch.testing.assert_close(after.tau[:, :n], before.tau[:, :n])
    assert not after.v[:, n : after.n_support].any()  # the arm stands while it is pushed


def test_an_arm_of_another_kind_has_no_hand(config, monkeypatch):
    monkeypatch.setitem(ARMS, "ur10e", replace(ARMS["ur10e"], urdf=ARMS["ur10"].urdf))
    arms = RealArms(config, "ur10e", memory=False)
    assert arms.families() == ["none", "pushing"]


@pytest.fixture
def small_grids(monkeypatch):
    recipes = {name: tuning.WIDER_RECIPES[name] for name in ("tukey 4.685", "arm 4.685 13")}
    monkeypatch.setattr(tuning, "WIDER_RECIPES", recipes)
    monkeypatch.setattr(tuning, "PULLS", (1e-4,))
    monkeypatch.setattr(tuning, "OBSERVER_WIDTHS", (2.0,))
    monkeypatch.setattr(run, "ADDED", ("pushing",))

    def simulated(config, kind, *, memory):
        arms = RealArms(config, "ur10e", memory=memory)
        return LinearRivals(arms.family(kind, 5), arms.unit.tolist())

    monkeypatch.setattr(run, "_simulated", simulated)


def test_rivals_are_tuned_on_simulated_arms_with_the_same_columns():
    config = TouchedRealConfig(n_validation=1)
    simple, memory = (run._simulated(config, "pushing", memory=x) for x in (False, True))
    assert len(simple.family.arms) == len(memory.family.arms) == 1
    sizes = [len(rivals.model.groups) for rivals in (simple, memory)]
    assert sizes[1] - sizes[0] == 2 * 7  # two presliding states a joint


def test_it_runs_to_its_table(config, small_grids, tmp_path):
    config, reports = replace(config, families=("pushing", "hand")), []
    shared = run.prepare(config, tmp_path, reports.append)
    seeds = {seed: run.run_seed(config, seed, shared, tmp_path) for seed in (0, 1)}
    figures = finish(config, seeds, shared, tmp_path, reports.append)
    assert all(path.exists() for path in figures)
    content = json.loads((tmp_path / "metrics.json").read_text())
    assert content["config"]["data"] is True
    found = content["headline"]
    assert found["ur10e/simple/pushing/over_least_squares"] < 0.7
    assert found["ur10e/simple/hand/learned"] < 0.3 * found["ur10e/simple/hand/described"]
    assert found["simple/pushing/over_best"] == found["ur10e/simple/pushing/over_best"]
    lowest, highest = (found[f"ur10e/memory/hand/{x}_best"] for x in ("lowest", "highest"))
    assert lowest <= found["ur10e/memory/hand/over_best"] <= highest
    touched = [found[f"ur10e/simple/{x}/over_best"] for x in ("pushing", "hand")]
    assert found["simple/worst_over_best"] == max(touched)
    assert found["simple/over_best"] == pytest.approx(np.exp(np.log(touched).mean()))


def test_without_recordings_it_says_so(tmp_path):
    with pytest.raises(ConfigError, match="--data"):
        run.prepare(TouchedRealConfig(), tmp_path, print)


def test_the_best_rival_is_none_that_was_tuned_in_hindsight():
    errors = {"learned": 0.3, "ridge": 0.2, "least_squares": 0.4, "hindsight": 0.1}
    errors |= {"contacts_known": 0.05, "described": 0.01}
    panel = Panel("ur10/simple", {"pushing": {k: np.full((2, 3), x) for k, x in errors.items()}})
    assert best_rival(panel, "pushing") == "ridge"
    panels = [panel, replace(panel, model="ur10/memory")]
    config = TouchedRealConfig(recordings=("ur10",), families=("pushing",))
    found = metrics(config, panels).headline
    assert found["simple/over_best"] == pytest.approx(1.5)
    assert found["memory/worst_over_hindsight"] == pytest.approx(3.0)
    seed = {f"error/ur10/simple/pushing/{k}": np.full(3, x) for k, x in errors.items()}
    again = panels_of(config, {0: seed, 1: seed})[0]
    np.testing.assert_array_equal(again.errors["pushing"]["ridge"], np.full((2, 3), 0.2))


def test_a_grid_goes_on_until_the_best_is_inside(monkeypatch):
    """A rival whose errors fall with the width down to 0.8, below the narrowest of the grid."""

    class Rivals:
        def errors(self, chosen):
            words = chosen.recipe.split()
            width = float(words[1]) if len(words) > 1 and words[0] == "tukey" else 50.0
            return np.full(3, 1.0 + abs(width - 0.8) + abs(np.log10(chosen.pull) + 3.0))

    chosen = tuning.tuned(Rivals())["robust_tuned"]
    assert chosen.recipe == "tukey 0.735" and chosen.pull == 1e-3
    assert tuning.narrower(Robust(recipe="arm 1.5 13")) == "arm 1.05 13"
    for recipe in ("arm 2 13", "all", "known", "observer 0.25"):
        assert not tuning.narrower(Robust(recipe=recipe))


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"seeds": 0}, "seeds"),
        ({"families": ()}, "families"),
        ({"recordings": ("dragon",)}, "recordings"),
        ({"share": 1.0}, "share"),
    ],
)
def test_impossible_settings_are_named(fields, word):
    with pytest.raises(ConfigError, match=word):
        TouchedRealConfig(**fields)
