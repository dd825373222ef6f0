# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""~ is the home folder in every path that comes from outside: of calls, options and files."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

import ml3_ros
from ml3_ros.bringup.params_file import read_params_file
from ml3_ros.cli.main import COMMANDS, main
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.data.bags.reader import joint_state_topics, read_joint_states
from ml3_ros.data.bags.writer import write_joint_states
from ml3_ros.data.recording import JointRecording
from ml3_ros.data.run_files import RunFolder
from ml3_ros.errors import ConfigError, DataError, LossFileError, RobotError
from ml3_ros.experiments.digits.images import load_images
from ml3_ros.experiments.runner import sweep
from ml3_ros.files import user_path
from ml3_ros.identification.networks.train import find_loss
from ml3_ros.identification.unordered_split import read_table
from ml3_ros.learners.inverse_dynamics.units import Units
from ml3_ros.reports.identification.friction_file import load_friction, save_friction
from ml3_ros.reports.identification.output import save_identification
from ml3_ros.robots.registry import load_robot
from ml3_ros.tasks import training
from ml3_ros.tasks.inverse_dynamics import train as dynamics
from ml3_ros.tasks.inverse_dynamics.recipes import Recipe
from ml3_ros.tasks.reaching import train as reaching
from ml3_ros.tasks.reaching.arm_recipes import ReachRecipe
from ml3_ros.tasks.touched import train as touched
from ml3_ros.zoo import shipped

ROOT = Path(__file__).resolve().parents[2]
NOWHERE = "~nobody_of_this_name/x"  # there is no such user
RECORDING = JointRecording(
    names=("a",),
    t=0.01 * np.arange(20),
    q=np.zeros((20, 1)),
    v=np.zeros((20, 1)),
    tau=np.arange(20.0).reshape(20, 1),
    start_ns=10**9,
    topic="/joint_states",
)


class StoppedError(Exception):
    """Raised in place of a long computation, with where it would have written."""


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Another home folder; what is written beside it, to a folder called ~, is an error."""
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(work)
    yield home
    assert not list(work.iterdir())


def test_a_path_of_a_user_begins_where_a_shell_lets_it_begin(home):
    for path in ("~/x", Path("~/x"), f"{home}/x"):
        assert user_path(path) == home / "x"
    assert user_path("~") == home
    for path in ("x", "a/~/x", "/~/x", ""):
        assert user_path(path) == Path(path)
    here = user_path("./~/x")
    assert here == user_path(here) == Path.cwd() / "~" / "x"
    with pytest.raises(DataError, match=r"write the path in full, or \./~nobody_of_this_name/x"):
        user_path(NOWHERE)


def test_loss_files(home):
    source = next(iter(shipped().values()))
    loss = LearnedLoss.load(source)
    assert loss.save("~/new/loss.safetensors") == home / "new" / "loss.safetensors"
    assert LearnedLoss.load("~/new/loss.safetensors").sha256() == loss.sha256()
    with pytest.raises(LossFileError, match="home folder that does not exist"):
        LearnedLoss.load(NOWHERE)
    with pytest.raises(LossFileError, match="home folder that does not exist"):
        loss.save(NOWHERE)


def test_a_loss_of_identify(home):
    units = Units.from_dict(LearnedLoss.load(shipped()["reacher_ml3_shaped"]).provenance["units"])
    shutil.copy(shipped()["reacher_ml3_adaptive"], home / "mine.safetensors")
    assert find_loss("~/mine.safetensors", units)[1] == "losses: ~/mine.safetensors"


def test_recordings(home):
    write_joint_states("~/bag", RECORDING)
    assert (home / "bag" / "metadata.yaml").exists()
    assert joint_state_topics("~/bag") == {"/joint_states": 20}
    assert read_joint_states("~/bag").names == ("a",)
    with pytest.raises(DataError, match="home folder that does not exist"):
        read_joint_states(NOWHERE)


def test_arms(home):
    shutil.copy(load_robot("reacher").path, home / "mine.xml")
    assert load_robot("~/mine.xml").path == home / "mine.xml"
    with pytest.raises(RobotError, match="home folder that does not exist"):
        load_robot(NOWHERE)


def test_run_folders_tables_friction_images_and_parameter_files(home):
    assert RunFolder.create("~/run").path == home / "run"
    savemat(home / "table.mat", {"x": np.ones((3, 4))})
    assert read_table("~/table.mat").q.shape == (3, 1)
    save_friction(home, ["a"], np.ones((1, 4)))
    assert load_friction("~/friction.yaml")[0] == ("a",)
    with pytest.raises(DataError, match=str(home / "mnist")):
        load_images("~/mnist")
    (home / "my.yaml").write_text("sim_arm: {ros__parameters: {rate: 5.0}}")
    assert read_params_file("~/my.yaml", ["sim_arm"], "") == {"sim_arm": {"rate": "5.0"}}
    with pytest.raises(ConfigError, match=r"params_file ~nobody.*home folder that does not exist"):
        read_params_file(NOWHERE, ["sim_arm"], "")


def test_what_python_programs_write(home, monkeypatch):
    def stop(*arguments, **_):
        raise StoppedError(next(x for x in arguments if isinstance(x, Path)))

    monkeypatch.setattr(training, "run_to_end", stop)
    monkeypatch.setattr(sweep, "_shared", stop)
    monkeypatch.setattr("ml3_ros.reports.identification.output.identification_metrics", stop)
    recipe = Recipe(nle="given", n_outer_steps=1)
    config = dynamics.TrainConfig(robot="reacher", recipe=recipe, n_robots=1)
    hands = touched.TouchedTraining(robot="reacher", families=("none",), n_arms=1)
    calls = {
        "x.checkpoint": lambda: dynamics.train_loss(config, "~/x.safetensors"),
        "y.checkpoint": lambda: reaching.train_reach(ReachRecipe(), "~/y.safetensors"),
        "z.checkpoint": lambda: touched.train_touched(hands, "~/z.safetensors"),
        "run": lambda: sweep.run_experiment("x", None, None, "~/run", backend=None),
    }
    for name, call in calls.items():
        with pytest.raises(StoppedError) as stopped:
            call()
        assert stopped.value.args == (home / name,)
    with pytest.raises(DataError, match="home folder that does not exist"):
        save_identification(None, NOWHERE)


@pytest.mark.parametrize(
    ("command", "words", "option"),
    [
        ("train", ["--out=~/x"], "out"),
        ("experiment", ["digits", "--out=~/x"], "out"),
        ("identify", ["--out=~/x"], "out"),
        ("check", ["bag", "--urdf=sawyer", "--json=~/x"], "json"),
        ("excite", ["--urdf=sawyer", "--out=~/x"], "out"),
        ("report", ["~/x"], "folder"),
        ("results", ["--metrics=~/x"], "metrics"),
        ("results", ["--out=~/x"], "out"),
        ("results", ["--from=~/x"], "runs"),
    ],
)
def test_options_of_commands(home, monkeypatch, capsys, command, words, option):
    seen = []
    module = f"ml3_ros.cli.{COMMANDS[command][0]}"
    monkeypatch.setattr(f"{module}.run", lambda args: seen.append(args) or 0)
    assert main([command, *words]) == 0
    value = vars(seen[0])[option]
    assert (value[0] if isinstance(value, list) else value) == home / "x"
    with pytest.raises(SystemExit):
        main([command, *(word.replace("~/x", NOWHERE) for word in words)])
    assert f"{NOWHERE} begins in a home folder that does not exist" in capsys.readouterr().err


# Paths that are made of something else than what a user has typed, or of which only the name is
# looked at.
NO_USERS_PATH = {
    "bringup/launch_adapter.py": {
        "Path(word)",
        "Path(getattr(context.locals, 'current_launch_file_path', ''))",
    },
    "bringup/middleware.py": {
        "Path(get_package_share_directory(RMW_PACKAGE), 'package.xml')",
    },
    "bringup/paths.py": {
        "Path(get_package_prefix('ml3_ros'))",
        "Path(get_package_prefix(package), 'lib', package, name)",
        "Path(python[1])",
        "Path(sys.prefix)",
        "Path(ml3_ros.__path__[0])",
    },
    "benchmarks/models.py": {"Path(folder)"},  # a temporary one
    "data/bags/writer.py": {"Path(prefix)"},
    "experiments/page/writer.py": {"Path(content)"},
    "experiments/runner/ray_backend.py": {"Path(scratch)"},
    "files.py": {"Path(path)"},
    "identification/run.py": {"Path(config.urdf)"},
    "identification/unordered.py": {"Path(config.table)"},
    "nodes/kit/loss_files.py": {"Path(file)"},
    "nodes/kit/node.py": {"Path(getattr(self.parameters, 'robot', self.robot))"},
    "nodes/meta_learner/goal.py": {"Path(name)"},
    "reports/online/figure.py": {"Path(str(report.config.get('robot', 'arm')))"},
    "robots/gym_models.py": {"Path(found.origin)"},
    "robots/registry.py": {
        "Path(name)",  # of a description that is no file
        "Path(str(found))",
    },
}


def test_no_text_becomes_a_path_but_by_user_path():
    """A new way for paths to come in uses `user_path`; the list above has what is none."""
    package = Path(ml3_ros.__file__).parent
    for file in sorted(package.rglob("*.py")):
        name = file.relative_to(package).as_posix()
        calls = [n for n in ast.walk(ast.parse(file.read_text())) if isinstance(n, ast.Call)]
        made = {ast.unparse(call) for call in calls if ast.unparse(call.func) == "Path"}
        plain = {text for text in made if text.startswith(("Path('", "Path(__file__"))}
        assert made - plain == NO_USERS_PATH.get(name, set()), name


def test_no_option_takes_a_path_as_it_was_typed():
    folders = (ROOT / "ml3_ros", ROOT / "examples", ROOT / "faults")
    files = [file for folder in folders for file in folder.rglob("*.py")]
    assert files
    assert not [str(file) for file in files if "type=Path" in file.read_text()]
