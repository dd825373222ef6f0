"""What policy_optimizer needs before it can learn: parameters, losses, units, the learner."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np
from rclpy.parameter import Parameter

from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.data.filters import FilteredSample
from ml3_ros.errors import ConfigError, LossFileError, reason_of
from ml3_ros.learners.inverse_dynamics.method import checked
from ml3_ros.learners.inverse_dynamics.net import net_of
from ml3_ros.learners.inverse_dynamics.online import OnlineConfig, OnlineLearner
from ml3_ros.learners.inverse_dynamics.sampling import SamplingConfig
from ml3_ros.learners.inverse_dynamics.squared_error import squared_error
from ml3_ros.learners.inverse_dynamics.units import Units, rescaled
from ml3_ros.nodes.kit import loss_files
from ml3_ros.nodes.kit.filtered_stream import FILTER_PARAMETERS
from ml3_ros.nodes.kit.parameters import Param, ParameterTable
from ml3_ros.zoo import shipped, shipped_loss

STRINGS, DOUBLES = Parameter.Type.STRING_ARRAY, Parameter.Type.DOUBLE_ARRAY
LONGEST = 10 * 86400.0

PARAMETERS = (
    Param(name="robot", default="sawyer", help="name of the arm; chooses the shipped losses"),
    Param(name="model", default="", help="name or URDF or MJCF of the arm for the report, empty: "
          "`robot`; this node never opens it"),
    Param(name="joints", default=STRINGS, help="joint names in the order of all arrays; unset: "
          "those of the losses"),
    Param(name="loss", default="shipped", help="where the learned losses come from: with the "
          "package, from the topic learned_loss, or nowhere",
          choices=("shipped", "train", "none")),
    Param(name="shipped_losses", default=STRINGS, help="methods whose shipped losses are used; "
          "unset: all that ship for the arm"),
    Param(name="losses", default=STRINGS, help="more methods, each NAME=FILE"),
    Param(name="loss_folder", default=".", help="where load_learned_loss may read"),
    Param(name="sgd_lr", default=0.03, help="step size of the method sgd_tuned; 0: without it [-]",
          limits=(0.0, 10.0)),
    Param(name="sgd_clip_norm", default=1.0, help="largest norm of its gradient [-]",
          limits=(1e-6, 1e6)),
    Param(name="adam_lr", default=0.003, help="step size of the method adam_tuned; 0: without it "
          "[-]", limits=(0.0, 10.0)),
    Param(name="steps_per_window", default=4, help="gradient steps per 8 samples [-]",
          limits=(1, 100)),
    *FILTER_PARAMETERS,
    Param(name="units_velocity", default=DOUBLES, help="scale of each joint's velocity [rad/s]; "
          "unset: that of the losses, else measured"),
    Param(name="units_acceleration", default=DOUBLES, help="likewise [rad/s^2]"),
    Param(name="units_effort", default=DOUBLES, help="likewise [N m]"),
    Param(name="units_samples", default=200, help="samples from which scales are measured where "
          "nothing else gives them", limits=(20, 100_000)),
    Param(name="learn_duration", default=60.0, help="time of the stream to learn from [s]",
          limits=(0.1, LONGEST)),
    Param(name="hold_out_duration", default=20.0, help="time after that in which the models are "
          "frozen and tested [s]", limits=(0.0, LONGEST)),
    Param(name="silence_timeout", default=0.0, help="finish after so long without joint states; "
          "0: never [s]", limits=(0.0, 3600.0)),
    Param(name="checkpoint_period", default=10.0, help="time of the stream between checkpoints "
          "[s]", limits=(0.1, 3600.0)),
    Param(name="model_period", default=0.0, help="time between models on the topic learned_model, "
          "for a controller that feeds their torques forward; 0: never [s]", limits=(0.0, 60.0)),
    Param(name="seed", default=0, help="seed of initial models and batches",
          limits=(0, 2**31 - 1)),
    Param(name="out", default="out/policy_optimizer", help="folder of the results"),
    Param(name="resume", default=False, help="go on from the checkpoint in `out`"),
)  # fmt: skip


class LossShelf:
    """The learned losses of a run by method: those that are there, and those still awaited."""

    def __init__(self, p: ParameterTable) -> None:
        """Load what the parameters name.

        Raises:
            LossFileError: A file is missing, damaged, or for other joints.
            ConfigError: A parameter does not fit.
        """
        self.losses: dict[str, LearnedLoss] = {}
        self.born: dict[str, float] = {}  # monotonic time at which each loss came [s]
        self.kept_units: Units | None = None  # of a run that is resumed
        self.wanted: list[str] = list(loss_files.LEARNED) if p["loss"] == "train" else []
        self.samples_for_units: int = p["units_samples"]
        self._joints: tuple[str, ...] = p["joints"]
        self._robot: str = p["robot"]
        self._scales = {
            name: p[f"units_{name}"] for name in ("velocity", "acceleration", "effort")
        }
        if p["loss"] == "shipped":
            for name in p["shipped_losses"] or _methods_of(p["robot"]):
                self.wanted.append(name)
                self._add(name, _shipped(p["robot"], name))
        for text in p["losses"]:
            name, equals, file = text.partition("=")
            if not equals:
                raise ConfigError(f"losses: '{text}' is not NAME=FILE")
            self.wanted.append(name)
            self._add(name, LearnedLoss.load(shipped().get(file, file)))

    def _add(self, name: str, loss: LearnedLoss) -> None:
        self.check(name, loss)
        self.put(name, loss)

    def put(self, name: str, loss: LearnedLoss) -> None:
        """Keep a loss for method `name`."""
        self.losses[name], self.born[name] = loss, time.monotonic()

    def check(self, name: str, loss: LearnedLoss) -> None:
        """Reject a loss that method `name` cannot use, before anything depends on it.

        Raises:
            LossFileError: It is for other joints than the rest of the run, or cannot train.
        """
        if self.joints():
            loss.check_labels(self.joints())
        if "units" not in loss.provenance:
            raise LossFileError(
                f"the loss for {name} does not say the units of its robot: train it again"
            )
        try:
            units = Units.from_dict(loss.provenance["units"])
        except Exception as error:  # a file may hold anything there
            raise LossFileError(
                f"the loss for {name}: {reason_of(error)}; train it again"
            ) from error
        checked(name, loss, net_of(units, self._robot), SamplingConfig().batch_size)

    def missing(self) -> list[str]:
        """Return the methods whose losses have not come yet."""
        return [name for name in self.wanted if name not in self.losses]

    def joints(self) -> tuple[str, ...]:
        """Return the joint names; () while nobody has told them."""
        if self._joints:
            return self._joints
        return next((loss.spec.target.labels for loss in self.losses.values()), ())

    def units(self, samples: Sequence[FilteredSample]) -> Units | None:
        """Return the scales: the parameters', a resumed run's, the losses', or measured ones.

        Args:
            samples: The first of the stream.

        Returns:
            None while more samples are needed.
        """
        if all(self._scales.values()):
            return Units(joint_names=self.joints(), **self._scales)
        if self.kept_units is not None:
            return self.kept_units
        for loss in self.losses.values():
            return Units.from_dict(loss.provenance["units"])
        if self.wanted or len(samples) < self.samples_for_units:
            return None
        v, a, tau = (np.stack([getattr(s, name) for s in samples]) for name in ("v", "a", "tau"))
        return Units.from_samples(self.joints(), v, a, tau)


def make_learner(
    units: Units, losses: Mapping[str, LearnedLoss], p: ParameterTable
) -> OnlineLearner:
    """Return a fresh learner with the learned losses and the tuned baselines as methods."""
    methods = {name: rescaled(loss, units) for name, loss in losses.items()}
    if p["sgd_lr"]:
        methods["sgd_tuned"] = squared_error(units, "tau", "sgd", p["sgd_lr"], p["sgd_clip_norm"])
    if p["adam_lr"]:
        methods["adam_tuned"] = squared_error(units, "tau", "adam", p["adam_lr"])
    config = OnlineConfig(sampling=SamplingConfig(steps_per_window=p["steps_per_window"]))
    return OnlineLearner(net_of(units, p["robot"]), methods, config, seed=p["seed"])


def replace_loss(online: OnlineLearner, name: str, loss: LearnedLoss) -> None:
    """Train method `name` with another loss from now on, in the units of the run.

    Raises:
        LossFileError: It is for other joints or units, or cannot train; all stays as it was.
    """
    online.replace_loss(name, rescaled(loss, online.optimizee.units))


def _methods_of(robot: str) -> list[str]:
    further = (name for name in loss_files.FURTHER if f"{robot}_{name}" in shipped())
    return [*loss_files.LEARNED, *further]


def _shipped(robot: str, name: str) -> LearnedLoss:
    try:
        return shipped_loss(f"{robot}_{name}")
    except LossFileError as error:
        raise LossFileError(
            f"{error}; or meta-train losses with loss:=train, or go without by loss:=none"
        ) from error
