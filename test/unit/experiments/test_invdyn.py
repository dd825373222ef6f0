"""The inverse-dynamics experiment with tiny settings: everything that it promises to leave."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from ml3_ros.core.meta_training import MetaTrainer
from ml3_ros.errors import ConfigError
from ml3_ros.experiments import invdyn
from ml3_ros.experiments.invdyn import InvdynConfig, run_invdyn
from ml3_ros.experiments.invdyn_output import divergences, figure, metrics, ratio, tables
from ml3_ros.experiments.panels import Panel, load_panel, save_panel
from ml3_ros.experiments.registry import EXPERIMENTS
from ml3_ros.experiments.results import resolved
from ml3_ros.experiments.sweep import run_experiment
from ml3_ros.experiments.workers import LocalBackend

LEARNED = {"ml3_shaped", "ml3_unshaped", "ml3_shaped_mlp", "ml3_unshaped_mlp"}
BASELINES = {"sgd_tuned", "adam_tuned"}


def test_it_leaves_everything_and_a_second_run_measures_nothing(
    tiny_config, tmp_path, monkeypatch
):
    told = []
    name = "invdyn_reacher"
    run = partial(
        run_experiment, name, EXPERIMENTS[name], tiny_config, tmp_path, backend=LocalBackend()
    )
    paths = run(report=told.append)
    found = json.loads((tmp_path / "metrics.json").read_text())
    assert set(found) == {"experiment", "config", "methods", "headline"}
    assert found["experiment"] == "invdyn_reacher"
    for key, value in resolved(tiny_config).items():
        assert found["config"][key] == value
    assert json.loads((tmp_path / "config.json").read_text()) == found["config"]
    assert set(found["methods"]) >= LEARNED | BASELINES
    for name, curve in found["methods"].items():
        assert set(curve) == {"x", "per_seed"}, name
        assert curve["x"] == [0, 1, 2, 4, 5, 8]  # the horizon of meta-training is among them
        assert np.shape(curve["per_seed"]) == (tiny_config.seeds, 6), name
        assert all(isinstance(x, float) for x in np.ravel(curve["per_seed"]).tolist())
    assert found["headline"]
    assert all(isinstance(x, float) for x in found["headline"].values())
    assert {path.suffix for path in paths} == {".png", ".svg"}
    for path in paths:
        assert path.parent == tmp_path
        assert path.stat().st_size > 5000
    assert next(p for p in paths if p.suffix == ".png").read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in next(p for p in paths if p.suffix == ".svg").read_bytes()[:2000]
    text = "\n".join(told)
    assert all(name in text for name in LEARNED | BASELINES)

    def fail(*args, **kwargs):
        raise AssertionError("measured again")

    monkeypatch.setattr(MetaTrainer, "step", fail)
    monkeypatch.setattr(invdyn, "learning_curves", fail)
    run(report=told.append)
    assert json.loads((tmp_path / "metrics.json").read_text()) == found


def test_equal_settings_give_equal_numbers(tiny_config, tmp_path):
    config = replace(tiny_config, architectures=("structured",))
    one, two = (run_invdyn(config, tmp_path / name, str) for name in ("one", "two"))
    assert set(one) == set(two)
    for key, panel in one.items():
        assert panel.step_sizes == two[key].step_sizes
        for name, nmse in panel.nmse.items():
            np.testing.assert_array_equal(nmse, two[key].nmse[name])
    panels = list(one.values())
    methods = set(panels[0].nmse)
    for name in methods:  # all start alike
        np.testing.assert_array_equal(
            panels[0].nmse[name][:, :, 0], panels[0].nmse["sgd_tuned"][:, :, 0]
        )


def made_up_panel(**curves):
    """Curves (2 seeds, 2 tasks, 3 checkpoints, 2 joints) with the given final values."""
    nmse = {}
    for name, final in curves.items():
        curve = np.ones((2, 2, 3, 2))
        curve[:, :, 1] = 0.5
        curve[:, :, 2] = np.array(final)[..., None]
        nmse[name] = curve
    return Panel((0, 4, 8), 4, nmse, {"sgd_tuned": 0.1})


def test_diverged_seeds_are_infinite_and_counted(tiny_config, tmp_path):
    inf = math.inf
    panel = made_up_panel(
        good=[[0.1, 0.2], [0.1, 0.3]], wild=[[0.1, inf], [inf, inf]], bad=[[3.0, 0.1], [0.1, 0.1]]
    )
    assert [divergences(panel, name) for name in ("good", "wild", "bad")] == [0, 3, 1]
    result = metrics("invdyn_reacher", tiny_config, {"given/nominal": panel})
    found = json.loads(result.save(tmp_path).read_text())
    assert found["methods"]["wild"]["per_seed"][1] == [1.0, 0.5, inf]
    assert found["methods"]["good"]["per_seed"][0][2] == pytest.approx(0.15)
    diverged = {k: v for k, v in found["headline"].items() if k.endswith("diverged")}
    assert [v for k, v in diverged.items() if "wild" in k] == [3.0]
    text = tables({"given/nominal": panel})
    assert "3 of 4" in text
    assert "0 of 4" in text
    paths = figure("reacher", {"given/nominal": panel}, tmp_path)
    assert all(path.exists() for path in paths)


def test_panels_are_kept_whole_or_measured_anew(tmp_path):
    panel = made_up_panel(good=[[0.1, 0.2], [0.1, 0.3]], wild=[[math.inf, 1.0], [1.0, 1.0]])
    path = tmp_path / "panels" / "given_nominal.npz"
    assert load_panel(path, "a") is None
    save_panel(path, panel, "a")
    loaded = load_panel(path, "a")
    assert (loaded.x, loaded.horizon, loaded.step_sizes) == (
        panel.x,
        panel.horizon,
        panel.step_sizes,
    )
    for name, nmse in panel.nmse.items():
        np.testing.assert_array_equal(loaded.nmse[name], nmse)
    assert load_panel(path, "b") is None
    data = path.read_bytes()
    rng = random.Random(0)
    for _ in range(150):
        damaged = bytearray(data)
        damaged[rng.randrange(len(data))] = rng.randrange(256)
        path.write_bytes(bytes(damaged))
        load_panel(path, "a")  # never raises
    for length in range(0, len(data), 23):
        path.write_bytes(data[:length])
        assert load_panel(path, "a") is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"seeds": 0},
        {"n_train_robots": 0},
        {"n_validation_robots": -1},
        {"n_test_robots": 0},
        {"test_factor": 0},
        {"modes": ("learned",)},
        {"architectures": ("transformer",)},
        {"outer_steps": {}},
        {"horizon": {}},
        {"modes": ()},
        {"architectures": ()},
    ],
)
def test_settings_out_of_range_are_refused_at_once(tiny_config, wrong):
    with pytest.raises(ConfigError, match=f"{next(iter(wrong))}|outer_steps|horizon"):
        replace(tiny_config, **wrong)


def test_the_experiments_of_the_paper_are_there():
    for robot in ("reacher", "sawyer"):
        experiment = EXPERIMENTS[f"invdyn_{robot}"]
        assert robot in experiment.help
        assert isinstance(experiment.config, InvdynConfig)
        assert experiment.config.robot == experiment.quick.robot == robot
        assert experiment.config.seeds >= 5
        assert experiment.config.n_test_robots >= 16
        assert experiment.config.test_factor >= 10
        assert experiment.config.modes == ("given", "learned")
        assert experiment.quick.seeds < experiment.config.seeds
        replace(experiment.quick, modes=("given", "learned"))  # has sizes for both


def test_a_ratio_pairs_models_and_is_a_geometric_mean():
    ours = np.array([[[[0.1, 0.3]], [[0.4, 0.4]]]])  # (seeds, tasks, checkpoints, joints)
    theirs = ours * np.array([0.5, 8.0])[None, :, None, None]
    panel = Panel((1,), 1, {"ml3_shaped": ours, "other": theirs}, {})
    assert ratio(panel, "ml3_shaped", 0) == pytest.approx(1.0)
    assert ratio(panel, "other", 0) == pytest.approx(0.5)
