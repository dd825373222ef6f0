# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recipe by which all losses for inverse dynamics are meta-trained."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ml3_ros.core.engine.engine import AUTOGRAD, Engine
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.core.losses.prior import TaughtPrior
from ml3_ros.core.losses.spec import LossSpec
from ml3_ros.core.outer.config import MetaTrainConfig
from ml3_ros.core.outer.trainer import MetaTrainer
from ml3_ros.errors import ConfigError
from ml3_ros.learners.inverse_dynamics.net import INERTIA_FORMS, InverseDynamicsNet, NleMode
from ml3_ros.learners.inverse_dynamics.sampling import SamplingConfig
from ml3_ros.learners.inverse_dynamics.units import Units
from ml3_ros.robots.control.trajectories import ExcitationConfig
from ml3_ros.robots.control.working_motion import WorkingConfig
from ml3_ros.tasks.inverse_dynamics.family import InverseDynamicsFamily
from ml3_ros.tasks.inverse_dynamics.recordings import Recordings

TASK_FAMILY = "inverse_dynamics"

EXCITATIONS: dict[str, ExcitationConfig] = {
    "reacher": ExcitationConfig(
        piece_seconds=3.0, blend_seconds=1.0, amplitude=1.2, centre=0.8, frequency=(0.2, 1.2)
    ),
}
"""How an arm is moved; arms without an entry move as a Sawyer."""

WORK: dict[str, WorkingConfig] = {
    "reacher": WorkingConfig(own_share=0.03, frequency=(0.2, 1.2), amplitude=1.0, centre=0.5),
    "sawyer": WorkingConfig(directions=(1.0, 1.0, -1.0, 1.0, 1.0, -1.0, 1.0)),
}
"""How an arm moves at its work; arms without an entry take the defaults."""

NleSetting = Literal["given", "residual", "learned"]
"""What of F(q, v) is known: all of it, and samples are drawn uniformly; F of the nominal arm,
whose error is learned, from uniform draws; or nothing, and F is learned from a stream, as beside a
real arm."""

Architecture = Literal["structured", "inertia_pull", "mlp", "adaptive", "prior", "steps"]

UNBIASED = ("structured", "inertia_pull")  # without learned step sizes

KNOTS = (0.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0)  # as far as the horizon reaches


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """One way to meta-train a loss for inverse dynamics.

    Attributes:
        nle: What of F(q, v) is known, and so how samples come.
        architecture: "structured" (positive, unbiased), "inertia_pull" (the same, and M_theta(q)
            is pulled to a learned matrix), "mlp" (the paper's), "adaptive" (a structured loss that
            knows the model's age and errors, with learned step sizes over Adam), "prior" (an
            adaptive loss that carries a physics prior), or "steps" (learned step sizes over Adam
            alone, on the squared error).
        learned_steps: Whether Adam's step sizes are learned with a loss that is not adaptive.
        use_prior: Whether the task loss contains the physics prior M(q) (the shaped loss).
        n_outer_steps: Updates of phi.
        inner_lr: Step size of the optimizee: of gradient descent with F given, as in the paper;
            of Adam elsewhere, where the paper's fixed step diverges or crawls, and where step
            sizes are learned. None takes the tested one.
        clip_norm: Largest norm of the gradient on the optimizee, with gradient descent; or None.
        steps_per_window: On a stream, gradient steps per window of 8 new samples.
        horizon: Inner steps after which a model is reset; None takes the tested one.
        n_tasks: Models trained at once under each loss.
    """

    nle: NleSetting = "learned"
    architecture: Architecture = "structured"
    learned_steps: bool = False
    use_prior: bool = True
    n_outer_steps: int = 300
    inner_lr: float | None = None
    clip_norm: float | None = None
    steps_per_window: int = 1
    horizon: int | None = None
    n_tasks: int = 4

    def __post_init__(self) -> None:
        if self.steps_per_window < 1:
            raise ConfigError(f"steps_per_window must be >= 1, got {self.steps_per_window}")
        if self.clip_norm is not None and (self.scheduled or self.nle != "given"):
            raise ConfigError(
                f"clip_norm={self.clip_norm}: gradients are clipped in gradient descent only, "
                'which is used with nle="given" and architectures without learned step sizes'
            )

    @property
    def adaptive(self) -> bool:
        """Whether step sizes are learned, and the loss knows the model's age and errors."""
        return self.architecture in ("adaptive", "prior")

    @property
    def scheduled(self) -> bool:
        """Whether step sizes are learned."""
        return self.adaptive or self.learned_steps or self.architecture == "steps"

    def sampling(self) -> SamplingConfig:
        """Return how samples become batches."""
        return SamplingConfig(
            steps_per_window=self.steps_per_window * (self.nle == "learned"),
            evaluated_on="held_out" if self.adaptive else "seen",
        )

    def optimizee(self, units: Units, robot: str) -> InverseDynamicsNet:
        """Return the network that is trained."""
        nle: NleMode = "given" if self.nle == "given" else "learned"
        return InverseDynamicsNet(units, nle=nle, inertia=INERTIA_FORMS.get(robot, "full"))

    def loss_spec(self, units: Units, robot: str, prior: TaughtPrior | None = None) -> LossSpec:
        """Return the loss that is learned; `prior` is what a loss of that architecture carries."""
        context: tuple[str, ...] = ("a",) if self.nle == "given" else ("v", "a")
        options: dict[str, Any] = {}
        architecture: str = self.architecture
        if self.adaptive:
            options = {"knots": self._knots(), "error_statistics": True}
            if self.nle == "learned":  # on long runs the size of weights would drift
                options |= {"normalised": True, "bound": 1.0}
            architecture = "structured"
        elif self.architecture in UNBIASED and self.nle != "given":
            options = {"normalised": True, "bound": 1.0}
        if self.architecture == "inertia_pull":
            context = ("q", *context)
        elif self.architecture == "steps":
            architecture, context = "squared_error", ()
        elif self.architecture == "prior":
            if prior is None:
                raise ConfigError("a loss that carries a prior needs one: teach_prior makes it")
            architecture, context = "prior", ("q", "v", "a")
            options |= prior.options
        model = self.optimizee(units, robot)
        rule = self._rule(model, robot)
        return units.loss_spec(
            model.target, context, architecture=architecture, options=options, **rule
        )

    def _rule(self, model: InverseDynamicsNet, robot: str) -> dict[str, Any]:
        """Return the update rule of the optimizee."""
        rule: dict[str, Any] = {
            "inner_lr": self._tested_step_size(robot) if self.inner_lr is None else self.inner_lr
        }
        if self.scheduled:
            roles = tuple(sorted(set(model.roles().values())))
            return rule | {
                "inner_optimizer": "scheduled_adam",
                "roles": roles,
                "knots": self._knots(),
            }
        if self.nle == "given":
            return rule | {"inner_optimizer": "sgd", "clip_norm": self.clip_norm}
        return rule | {"inner_optimizer": "adam"}

    def _knots(self) -> tuple[float, ...]:
        return tuple(k for k in KNOTS if k <= self.tested_horizon())

    def _tested_step_size(self, robot: str) -> float:
        """Return a step size that suits the units, the form of M_theta and the loss."""
        if self.nle == "learned":
            return 0.01 if self.architecture == "prior" else 0.003
        if self.scheduled or self.nle == "residual" or robot != "reacher":
            return 0.01
        return 0.03 if self.architecture in UNBIASED else 0.3

    def tested_horizon(self) -> int:
        """Return the inner steps after which a model is reset."""
        if self.horizon is not None:
            return self.horizon
        return 750 * self.steps_per_window if self.nle == "learned" else 100

    def meta_training(self) -> MetaTrainConfig:
        """Return the configuration of Algorithm 1."""
        unrolls = {"mlp": 1}
        if not self.scheduled:
            unrolls |= dict.fromkeys(UNBIASED, 20 if self.nle == "learned" else 10)
        # over a short unroll small step sizes look good: noise falls before learning does
        own_unroll = 125 if self.nle == "learned" else 25
        hurry = 2.0 if self.adaptive and self.nle == "learned" else 1.0  # few, long outer steps
        return MetaTrainConfig(
            n_outer_steps=self.n_outer_steps,
            n_tasks=self.n_tasks,
            unroll=unrolls.get(self.architecture, own_unroll),
            horizon=self.tested_horizon(),
            restart="staggered" if self.nle == "learned" else "together",
            outer_lr=3e-3 if self.architecture == "mlp" else hurry * 1e-2,
            outer_lr_steps=hurry * 3e-2,
            outer_every_step=True,
            # what carries a prior can be fast from the first step, also on a stream
            outer_early=self.architecture == "prior" or (self.scheduled and self.nle != "learned"),
            weights=self.weights(),
        )

    def weights(self) -> tuple[tuple[str, float], ...]:
        """Return beta and gamma of eq. (9)."""
        if not self.use_prior:
            return (("task", 1.0),)
        if self.nle == "given":
            return (("task", 0.5), ("inertia", 0.5)) if self.adaptive else (("inertia", 1.0),)
        return (("task", 0.5), ("inertia", 0.25), ("nle", 0.25))

    def trainer(
        self,
        recordings: Recordings,
        units: Units,
        robot: str,
        seeds: tuple[int, ...],
        prior: TaughtPrior | None = None,
        engine: Engine = AUTOGRAD,
    ) -> MetaTrainer:
        """Return the trainer of one loss per seed."""
        lacks_nle = self.nle != "given" and recordings.nle is None
        if self.use_prior and (recordings.inertia is None or lacks_nle):
            raise ConfigError(
                "the shaped loss needs the inertia prior, M and F: record it, or use_prior off"
            )
        family = InverseDynamicsFamily(self.optimizee(units, robot), recordings, self.sampling())
        spec = self.loss_spec(units, robot, prior)
        constants = prior.constants if self.architecture == "prior" and prior else None
        return MetaTrainer(family, spec, self.meta_training(), seeds, constants, engine)


def learned_loss(
    trainer: MetaTrainer, index: int, units: Units, robot: str, provenance: Mapping[str, Any]
) -> LearnedLoss:
    """Return the loss of seed number `index` as an artefact.

    Args:
        trainer: After its last step.
        index: Which of its seeds.
        units: The robot's units; whoever uses the loss needs them for the network.
        robot: Name of the robot.
        provenance: What else the loss was made from; JSON-able.
    """
    return LearnedLoss(
        spec=trainer.spec,
        phi=trainer.seed_phi(index),
        provenance={
            "task_family": TASK_FAMILY,
            "robot": robot,
            "units": units.to_dict(),
            "seed": trainer.seeds[index],
            "outer_steps": trainer.step_count,
            **provenance,
        },
    )
