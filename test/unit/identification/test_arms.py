# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""`ml3 arms`: every fold of every arm once, and tables that are means of what was written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from ml3_ros.benchmarks.arms.errors import FOLDS, FoldErrors, all_folds
from ml3_ros.benchmarks.arms.figure import arms_figure
from ml3_ros.benchmarks.arms.files import PublicArm, collect, manifest
from ml3_ros.benchmarks.arms.recovery import Recovery, recovery, rows_of_motion
from ml3_ros.benchmarks.arms.tables import by_joint, joint_table, mean_table, page, ratio_table
from ml3_ros.cli.main import main
from ml3_ros.errors import DataError
from ml3_ros.identification.run import IdentifyConfig, identify
from ml3_ros.identification.split import SplitConfig
from ml3_ros.robots.control.trajectories import Excitation, ExcitationConfig
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot, package_file

METRICS = Path(__file__).parents[3] / "docs" / "metrics" / "arms"
MOTION = ExcitationConfig(frequency=(0.1, 0.6))


@pytest.fixture(scope="module")
def arm():
    return PublicArm(
        name="pendulum",
        title="A pendulum",
        arm="two joints",
        source="nowhere",
        licence="none",
        files=(),
        bag="bag",
        mapping=None,
        table=None,
        urdf="pendulum.urdf",
        package_urdf=None,
        block=2.0,
    )


@pytest.fixture
def data(recording, urdf, save_bag, tmp_path):
    save_bag(tmp_path / "data" / "bag", recording)
    shutil.copy(urdf, tmp_path / "data")
    return tmp_path / "data"


def test_a_fold_is_that_of_identify_and_is_computed_once(arm, data, recording, model, tmp_path):
    lines: list[str] = []
    found = all_folds(arm, data, tmp_path / "out", lines.append, folds=(2,))
    assert lines[0] == "pendulum, fold 2" and list(found) == [2]
    config = IdentifyConfig(bag="b", urdf="u", split=SplitConfig(fold=2))
    expected = identify(config, recording, model, lambda text: None)
    for name, errors in expected.heldout.items():
        np.testing.assert_allclose(found[2].methods[name], errors, rtol=1e-3)
    assert "physical_unpulled" in found[2].methods and found[2].marked == 0.0
    del lines[:]
    again = all_folds(arm, data / "gone", tmp_path / "out", lines.append, folds=(2,))
    assert not lines
    for name, errors in found[2].methods.items():
        np.testing.assert_array_equal(again[2].methods[name], errors)


def test_a_fold_of_other_settings_is_computed_again_and_a_broken_file_named(arm, data, tmp_path):
    out = tmp_path / "out"
    other = FoldErrors(config={"networks": {"seeds": 5}}, joints=("a",), methods={}, marked=0.0)
    other.save(out / "pendulum_0.json")
    found = all_folds(arm, data, out, lambda text: None, folds=(0,))
    assert found[0].joints == ("shoulder", "elbow")
    assert FoldErrors.load(out / "pendulum_0.json").recovered == found[0].recovered
    (out / "pendulum_0.json").write_text("{")
    with pytest.raises(DataError, match="delete it"):
        all_folds(arm, data, out, print, folds=(0,))


def folds(*each):
    """Return folds of an arm of two joints from {method: (left joint, right joint)} of each."""
    return {
        i: FoldErrors(
            config={},
            joints=("left_joint", "right_joint"),
            methods={name: np.array([values], dtype=float) for name, values in methods.items()},
            marked=0.1 * i,
            recovered=Recovery(held=0.8 + 0.1 * i, shown=3, parameters=4),
        )
        for i, methods in enumerate(each)
    }


PHYSICAL = {"physical": (1.0, 2.0), "classical_fit": (4.0, 4.0), "physical_simple": (2.0, 2.0)}
UNPULLED = {"physical_unpulled": (1.0, 1.0)}


def test_tables_hold_means_and_ratios():
    of_arm = folds(PHYSICAL | UNPULLED, {**PHYSICAL, "physical": (3.0, 2.0)} | UNPULLED)
    results = {"arm": of_arm, "table": folds({"ridge": (0.5, 0.5)})}
    titles = {"arm": "An arm", "table": "A table"}
    np.testing.assert_allclose(by_joint(of_arm)["physical"], [2.0, 2.0])
    assert "| An arm | 4 |" in mean_table(results, titles)
    ratios = ratio_table(results, titles).splitlines()
    assert ratios[2] == "| An arm | 0.50 | 0.50 (left) | 1.00 | 1.00 (left) | 2.00 | 2.00 (left) |"
    assert ratios[3] == "| geometric mean | 0.50 |  | 1.00 |  | 2.00 |  |"
    assert "| physical fit, memory | 2 | 1.5 to 2.5 | 2 | 2 |" in joint_table(of_arm)
    text = page(results, titles)
    assert "| An arm | 0.0 % | 10.0 % |" in text and "### A table" in text
    assert "| An arm | 85 % | 3 of 4 |" in text
    assert len(arms_figure(results, titles).axes[0].get_yticklabels()) == 2


def test_the_command_writes_tables_and_figure(arm, data, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    monkeypatch.setattr("ml3_ros.benchmarks.arms.files.manifest", lambda: (arm,))
    link = out / "pendulum"
    link.parent.mkdir()
    link.symlink_to(data)
    assert main(["arms", "pendulum", "--out", str(out)]) == 0
    assert (out / "arms.md").read_text() in capsys.readouterr().out
    assert (out / "arms.png").stat().st_size
    content = json.loads((out / "folds" / "pendulum_0.json").read_text())
    assert content["joints"] == ["shoulder", "elbow"]


def test_what_is_missing_or_unknown_is_named(tmp_path, capsys):
    assert main(["arms", "dragon"]) == 2
    assert "there is no arm dragon: use ur10," in capsys.readouterr().err
    assert main(["arms", "ur10", "--out", str(tmp_path / "out")]) == 2
    assert "ur10 needs ur10_exciting_trajectory.db3" in capsys.readouterr().err
    assert main(["arms", "ur10", "--networks", "-1"]) == 2
    assert "--networks" in capsys.readouterr().err


def test_a_table_goes_through_with_its_own_methods(tmp_path):
    (arm,) = [arm for arm in manifest() if arm.table is not None]
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 6))
    tau = np.stack([x[:, 0] + x[:, 4], x[:, 1] - x[:, 3]], axis=-1)
    savemat(tmp_path / arm.table, {"rows": np.hstack([x, tau])})
    assert collect(arm, [tmp_path], tmp_path / "links", fetch=False)  # not the public content
    found = all_folds(arm, tmp_path, tmp_path / "out", lambda text: None, folds=(0,))
    assert set(found[0].methods) == {"ridge", "ridge_features"}
    assert found[0].methods["ridge"].max() < 1e-3


IN_PACKAGE = {  # robots whose URDF is installed with the tests
    "sawyer": None,
    "reacher": None,
    "ur10": None,
    "panda_description/urdf/panda.urdf": [f"panda_joint{i}" for i in range(1, 8)],
    "tiago_description/robots/tiago.urdf": [f"arm_{i}_joint" for i in range(1, 8)],
}


@pytest.mark.parametrize("source", IN_PACKAGE)
def test_on_every_robot_intervals_hold_a_known_truth(source):
    joints = IN_PACKAGE[source]
    if joints is not None:
        source = package_file(source)
    robot = load_robot(source, joints=joints, simulated=False)
    home = np.clip(robot.home, robot.limits.lower + 0.4, robot.limits.upper - 0.4)
    path = Excitation(robot.limits, home, seed=1, config=MOTION)
    t = np.arange(4000) / 100.0
    rows = rows_of_motion(robot.names, t, path.at(t + 5.0))
    found = recovery(PinocchioModel(robot), rows, seeds=range(6))
    assert found.shown > 0.5 * found.parameters
    assert 0.82 < found.held < 0.97, found


def test_the_page_holds_the_tables_of_the_recorded_runs():
    titles = {arm.name: arm.title for arm in manifest()}
    results = {
        name: {
            fold: FoldErrors.load(path)
            for fold in FOLDS
            if (path := METRICS / f"{name}_{fold}.json").exists()
        }
        for name in titles
    }
    assert all(len(each) == len(FOLDS) for each in results.values())
    assert page(results, titles) in (METRICS.parents[1] / "arms.md").read_text()
