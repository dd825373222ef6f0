# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The experiment on changes of payload: ratios by hand, end to end, and an arm from files."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.errors import ConfigError
from ml3_ros.experiments.payload import real, run
from ml3_ros.experiments.payload.config import PayloadExperimentConfig
from ml3_ros.experiments.payload.data import Moment
from ml3_ros.experiments.payload.output import Place, finish, metrics
from ml3_ros.experiments.payload.rivals import RIVALS, all_known
from ml3_ros.learners.inverse_dynamics.bodies import body_parameters, from_tool
from ml3_ros.robots.control.trajectories import Excitation
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot

SMALL = PayloadExperimentConfig(
    families=("pushing",),
    times=(1.0, 5.0),
    seeds=1,
    n_train=2,
    n_validation=2,
    n_test=3,
    n_outer_steps=1,
    n_tasks=2,
)
FEW = {name: RIVALS[name] for name in ("not_adapting", "sliding_window", "all_known")}


def test_headlines_compare_arm_by_arm():
    rival = np.array([[[0.02, 0.04], [0.02, 0.08]]] * 2)  # (seeds, moments, arms)
    errors = {
        "learned": np.array([[[0.01, 0.02], [0.02, 0.02]], [[0.01, 0.02], [0.02, 0.02]]]),
        "unshaped": np.full((2, 2, 2), 1e-6),
        "not_adapting": np.full((2, 2, 2), 0.5),
        "sliding_window": rival,
        "all_known": np.full((2, 2, 2), 1e-4),
    }
    timed = {name: x for name, x in errors.items() if name not in ("learned", "unshaped")}
    timed["sliding_window"] = rival / 2.0
    config = replace(SMALL, families=("none", "pushing"), times=(5.0,))
    places = [Place(name, config.moments, errors, timed) for name in config.families]
    headline = metrics(config, places).headline
    assert headline["over_best/0"] == pytest.approx(0.5)
    assert headline["over_best/5"] == pytest.approx(0.5)
    assert headline["over_best_timed/5"] == pytest.approx(1.0)
    assert headline["pushing/over_all_known/5"] == pytest.approx(200.0)
    assert headline["none/sliding_window/5"] == pytest.approx(0.04)


def test_it_runs_end_to_end(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "RIVALS", FEW)
    texts: list[str] = []
    shared = run.prepare(SMALL, tmp_path / "shared", texts.append)
    seeds = {0: run.run_seed(SMALL, 0, shared, tmp_path / "seed")}
    monkeypatch.setattr("ml3_ros.experiments.payload.figure.DRAWN", (*FEW, "learned"))
    paths = finish(SMALL, seeds, shared, tmp_path, texts.append)
    found = json.loads((tmp_path / "metrics.json").read_text())
    assert set(found["methods"]) == {*FEW, "learned", "unshaped"}
    assert found["methods"]["learned"]["x"] == [0.0, 1.0, 5.0]
    assert all(path.exists() for path in paths) and "pushing" in texts[-1]
    assert found["headline"]["over_not_adapting/5"] < 1.0  # after a single update
    assert json.loads(str(shared["chosen/pushing/sliding_window"]))[0]["seconds"] > 0.0
    assert len(json.loads(str(shared["chosen_timed/pushing/sliding_window"]))) == 3
    loss = LearnedLoss.from_bytes(seeds[0]["loss/learned"].tobytes())
    assert loss.provenance["families"] == ["pushing"]
    again = run.run_seed(SMALL, 0, shared, tmp_path / "seed")  # finds the losses that are done
    np.testing.assert_array_equal(
        again["error/pushing/learned"], seeds[0]["error/pushing/learned"]
    )


@pytest.fixture
def recordings(tmp_path, monkeypatch):
    """Write recordings of a simulated UR10 as those of the real arm; return the folder."""
    description = load_robot("ur10")
    monkeypatch.setattr(real, "URDF", str(description.path))
    monkeypatch.setattr(real, "STARTS", (0, 5))
    t = 0.01 * np.arange(2600)
    for name, mass in ((real.UNLOADED_FILE, 0.0), (real.LOADED_FILE, 2.5)):
        arm = PinocchioModel(description)
        parameters = arm.inertial_parameters()
        body = body_parameters(mass, np.array([0.05, 0.0, 0.1]), np.full(3, 0.1))
        parameters[50:60] += from_tool(arm.tool_position) @ body
        arm.set_inertial_parameters(parameters)
        q, v, a = Excitation(arm.limits, description.home, 3).at(10.0 + t)
        noise = 0.5 * np.random.default_rng(0).standard_normal(q.shape)
        current = (arm.rnea(q, v, a) + 5.0 * np.tanh(v / 0.05) + noise) / real.CONSTANTS
        rows = np.column_stack([t, q, v, current])
        np.savetxt(tmp_path / name, rows, delimiter=",", fmt="%.6f")
    return tmp_path


def test_a_load_in_recordings_is_found(recordings):
    config = replace(SMALL, data=str(recordings))
    moments = real.real_moments(config)
    assert [moment.since for moment in moments] == [1.0, 5.0]
    late: Moment = moments[1]
    none = late.errors(all_known(late.window, 1e12))
    bodies = all_known(late.window, 1.0)
    assert (late.errors(bodies) < 0.1 * none).all()
    np.testing.assert_allclose(1.5 * bodies[:, 0].numpy(), 2.5, atol=0.4)


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"seeds": 0}, "seeds"),
        ({"families": ()}, "families"),
        ({"times": (2.0, 1.0)}, "times"),
        ({"times": (13.0,)}, "times"),
        ({"n_tasks": 0}, "n_tasks"),
    ],
)
def test_impossible_settings_are_named(fields, word):
    with pytest.raises(ConfigError, match=word):
        replace(SMALL, **fields)
