# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Survey of robot files: which load, follow a motion in simulation, train and are identified."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ml3_ros.data.bags.writer import write_joint_states
from ml3_ros.data.read_recording import read_recording
from ml3_ros.data.recording import JointRecording
from ml3_ros.errors import ConfigError, DataError, Ml3Error
from ml3_ros.identification.run import IdentifyConfig, identify
from ml3_ros.robots.base import Array, RobotDescription
from ml3_ros.robots.control.adaptive_control import TrackingController
from ml3_ros.robots.control.trajectories import Excitation, within_effort
from ml3_ros.robots.mujoco_arm import MujocoArm
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot, package_file
from ml3_ros.robots.urdf import urdf_text
from ml3_ros.tasks.inverse_dynamics.recipes import Recipe
from ml3_ros.tasks.inverse_dynamics.train import TrainConfig, train_loss

RATES = (100.0, 250.0, 500.0, 1000.0)  # of control [Hz]: light arms need high ones
SECONDS = 10.0  # of motion under the controller
RECORDED = 17.0  # of the recording that is identified [s]
LARGEST = 7  # joints of an arm: of larger robots the last so many before the tool are identified
_LOST = 1.0  # tracking error [rad, m]


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of a robot file; a stage is "" if it went well, or the reason, or "-".

    Attributes:
        name: Of the file, below the folder that was surveyed.
        joints: How many move.
        held: How many joints of the file do not.
        identified: How many joints were trained for and identified.
        rate: Of control in simulation [Hz].
        error: Largest tracking error after the first second [rad, m].
        nmse: Held-out error of the best model, mean over joints [-].
        seconds: That all of it took [s].
    """

    name: str
    joints: int = 0
    held: int = 0
    identified: int = 0
    rate: float = 0.0
    error: float = 0.0
    nmse: float = 0.0
    seconds: float = 0.0
    load: str = "-"
    simulate: str = "-"
    train: str = "-"
    identify: str = "-"

    def sentence(self) -> str:
        """Return what went well, or the first reason why not."""
        for stage in ("load", "simulate", "train", "identify"):
            if getattr(self, stage):
                return f"{stage}: {getattr(self, stage)}"
        return f"{self.joints} joints, all went well"

    def to_dict(self) -> dict[str, object]:
        """Return the fields."""
        return asdict(self)


def robot_files(paths: Sequence[Path]) -> dict[str, Path]:
    """Return URDFs and MJCFs by name: files, those in folders, or those of example-robot-data.

    Of the MJCFs in a folder, those that have joints of their own are taken: scenes are not.

    Raises:
        DataError: A path does not exist, or has no such file.
        RobotError: The package example-robot-data is not installed.
    """
    if not paths:
        folder = package_file("")
        return {str(f.relative_to(folder)): f for f in sorted(folder.rglob("*.urdf"))}
    found: dict[str, Path] = {}
    for path in paths:
        files = [path] if path.is_file() else sorted(f for f in path.rglob("*") if _is_robot(f))
        if not files:
            raise DataError(f"{path} is no robot file, and has none below it: give a URDF or MJCF")
        found |= {str(f.relative_to(path)) if f != path else f.name: f for f in files}
    return found


def _is_robot(file: Path) -> bool:
    if file.suffix != ".xml":
        return file.suffix == ".urdf"
    text = file.read_text(encoding="utf-8", errors="replace")
    return "<mujoco" in text and "<joint" in text


class _Motion(NamedTuple):
    """Positions, velocities, torques and errors of tracking of a robot, each (T, n)."""

    q: Array
    v: Array
    tau: Array
    errors: Array


def survey(path: Path, name: str) -> Outcome:
    """Load a robot, let it follow random motion, train a loss for a moment, and identify it."""
    start = time.perf_counter()
    found = Outcome(name=name)
    try:
        robot = load_robot(path)
    except Ml3Error as error:
        return replace(found, load=_reason(error, path))
    found = replace(found, load="", joints=robot.nv, held=len(robot.held))
    with tempfile.TemporaryDirectory() as folder:
        file = _arm_of(robot, path, Path(folder))
        stages: dict[str, Callable[[], dict[str, float]]] = {
            "simulate": lambda: _simulated(robot),
            "train": lambda: _trained(file, Path(folder)),
            "identify": lambda: _identified(file, Path(folder)),
        }
        for stage, run in stages.items():
            try:
                results: dict[str, Any] = {stage: "", **run()}
            except Ml3Error as error:
                results = {stage: _reason(error, path)}
            found = replace(found, **results)
    return replace(found, seconds=time.perf_counter() - start)


def _arm_of(robot: RobotDescription, path: Path, folder: Path) -> Path:
    """Return the file of a robot, or of the joints before its tool if it has too many."""
    if robot.nv <= LARGEST:
        return path
    arm = load_robot(path, joints=_before_tool(robot)[-LARGEST:])
    file = folder / "arm.urdf"
    file.write_text(urdf_text(arm), encoding="utf-8")
    return file


def _before_tool(robot: RobotDescription) -> list[str]:
    """Return the joints that move the tool, from the base on."""
    model = robot.model
    joint = int(model.frames[model.getFrameId(robot.tool)].parentJoint)
    return [str(model.names[i]) for i in model.supports[joint] if i]


def _reason(error: Exception, path: Path) -> str:
    return str(error).replace(str(path), path.name)


def _simulated(robot: RobotDescription) -> dict[str, float]:
    """Let the simulated robot follow random motion for a while."""
    motion, rate = _followed(robot, SECONDS)
    return {"rate": rate, "error": float(motion.errors[round(rate) :].max())}


def _followed(robot: RobotDescription, seconds: float) -> tuple[_Motion, float]:
    """Return how a robot follows random motion at the lowest rate [Hz] that it bears.

    Raises:
        ConfigError: It bears none of them.
    """
    model = PinocchioModel(robot)
    path = within_effort(Excitation(robot.limits, robot.home), model, seconds)
    failed: Ml3Error = ConfigError("there is no rate")
    for rate in RATES:
        try:
            motion = _moved(robot, path, TrackingController(model, rate=rate), rate, seconds)
        except Ml3Error as error:
            failed = error
            continue
        off = motion.errors[round(rate) :].max()
        if off < _LOST:
            return motion, rate
        failed = ConfigError(f"it does not follow its reference: it is {off:.2g} rad or m off")
    raise failed


def _moved(
    robot: RobotDescription,
    path: Excitation,
    controller: TrackingController,
    rate: float,
    seconds: float,
) -> _Motion:
    arm = MujocoArm(robot)
    rows = []
    for k in range(round(seconds * rate)):
        q_ref, v_ref, a_ref = path.at(k / rate)
        state = arm.state()
        rows.append((state.q, state.v, state.tau, np.abs(state.q - q_ref)))
        arm.step(controller.torque(state.q, state.v, q_ref, v_ref, a_ref), 1.0 / rate)
    return _Motion(*(np.array(column) for column in zip(*rows, strict=True)))


def _trained(file: Path, folder: Path) -> dict[str, float]:
    """Meta-train a loss on two robots for two steps, which shows that it can be."""
    recipe = Recipe(nle="given", n_outer_steps=2, n_tasks=1)
    config = TrainConfig(robot=str(file), recipe=recipe, n_robots=2)
    train_loss(config, folder / "loss.safetensors", report=lambda _: None)
    return {"identified": load_robot(file).nv}


def _identified(file: Path, folder: Path) -> dict[str, float]:
    """Record an arm as a bag, and identify it from that."""
    robot = load_robot(file)
    motion, rate = _followed(robot, RECORDED)
    t = np.arange(len(motion.q)) / rate
    some = slice(None, None, round(rate / RATES[0]))
    recording = JointRecording(
        names=robot.names,
        t=t[some],
        q=motion.q[some],
        v=motion.v[some],
        tau=motion.tau[some],
        start_ns=0,
        topic="/joint_states",
    )
    write_joint_states(folder / "bag", recording)
    config = IdentifyConfig(bag=str(folder / "bag"), urdf=str(file))
    model = PinocchioModel(load_robot(file, simulated=False))
    recorded = read_recording(config.bag, joints=model.names)
    result = identify(config, recorded, model, log=lambda _: None)
    return {"nmse": result.mean(result.best())}


def table(outcomes: Sequence[Outcome]) -> str:
    """Return a table of all robots, and how many went through each stage."""
    rows = [
        "| robot | joints | held | loads | simulates | rate [Hz] | trains | identified | NMSE |",
        "| --- | ---: | ---: | --- | --- | ---: | --- | ---: | ---: |",
    ]
    rows += [_row(x) for x in outcomes]
    counts = ", ".join(
        f"{sum(not getattr(x, stage) for x in outcomes)} {stage}"
        for stage in ("load", "simulate", "train", "identify")
    )
    return "\n".join([*rows, "", f"Of {len(outcomes)}: {counts}."]) + "\n"


def _row(x: Outcome) -> str:
    if not x.joints:
        return f"| {x.name} | | | {_cell(x.load)} | | | | | |"
    cells = (x.name, x.joints, x.held or "", _cell(x.load), _cell(x.simulate))
    more = (f"{x.rate:g}" if x.rate else "", _cell(x.train), x.identified or "", _nmse(x))
    return f"| {' | '.join(map(str, (*cells, *more)))} |"


def _cell(reason: str) -> str:
    return "yes" if not reason else reason.replace("|", "/").replace("\n", " ")


def _nmse(outcome: Outcome) -> str:
    return f"{outcome.nmse:.2g}" if not outcome.identify else _cell(outcome.identify)
