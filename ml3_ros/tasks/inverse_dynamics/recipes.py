"""How the losses for inverse dynamics are meta-trained: one recipe, used wherever one is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ml3_ros.core.learned_loss import LearnedLoss
from ml3_ros.core.loss_spec import LossSpec
from ml3_ros.core.meta_training import MetaTrainConfig, MetaTrainer
from ml3_ros.errors import ConfigError
from ml3_ros.robots.trajectories import ExcitationConfig
from ml3_ros.tasks.inverse_dynamics.family import InverseDynamicsFamily, SamplingConfig
from ml3_ros.tasks.inverse_dynamics.model import InertiaForm, InverseDynamicsNet, NleMode
from ml3_ros.tasks.inverse_dynamics.recordings import Recordings
from ml3_ros.tasks.inverse_dynamics.units import Units

TASK_FAMILY = "inverse_dynamics"

EXCITATIONS: dict[str, ExcitationConfig] = {
    "reacher": ExcitationConfig(
        piece_seconds=3.0, blend_seconds=1.0, amplitude=1.2, centre=0.8, frequency=(0.2, 1.2)
    ),
}
"""How an arm is moved; arms without an entry move as a Sawyer."""

INERTIA_FORMS: dict[str, InertiaForm] = {"reacher": "cholesky"}
"""Form of M_theta; two links share their scales, so a Cholesky factor suits them best."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """One way to meta-train a loss for inverse dynamics.

    Attributes:
        nle: Whether F(q, v) is given, or learned too.
        architecture: "structured" (positive, unbiased) or "mlp" (the paper's).
        use_prior: Whether the task loss contains the physics prior M(q) (the shaped loss).
        n_outer_steps: Updates of phi.
        inner_lr: Step size of the optimizee: of gradient descent with F given, as in the paper;
            of Adam with F learned, where the paper's fixed step diverges or crawls. None takes
            the tested one.
        steps_per_window: With F learned, gradient steps per window of 8 new samples.
        horizon: Inner steps after which a model is reset; None takes the tested one.
        n_tasks: Models trained at once under each loss.
    """

    nle: NleMode = "learned"
    architecture: Literal["structured", "mlp"] = "structured"
    use_prior: bool = True
    n_outer_steps: int = 300
    inner_lr: float | None = None
    steps_per_window: int = 1
    horizon: int | None = None
    n_tasks: int = 4

    def __post_init__(self) -> None:
        if self.steps_per_window < 1:
            raise ConfigError(f"steps_per_window must be >= 1, got {self.steps_per_window}")

    def sampling(self) -> SamplingConfig:
        """Return how samples become batches: iid with F given, a stream with F learned."""
        return SamplingConfig(steps_per_window=self.steps_per_window * (self.nle == "learned"))

    def optimizee(self, units: Units, robot: str) -> InverseDynamicsNet:
        """Return the network that is trained."""
        return InverseDynamicsNet(units, nle=self.nle, inertia=INERTIA_FORMS.get(robot, "full"))

    def loss_spec(self, units: Units, robot: str) -> LossSpec:
        """Return the loss that is learned."""
        inner_lr = self._tested_step_size(robot) if self.inner_lr is None else self.inner_lr
        return units.loss_spec(
            "tau" if self.nle == "learned" else "tau_inertial",
            ("v", "a") if self.nle == "learned" else ("a",),
            architecture=self.architecture,
            inner_optimizer="adam" if self.nle == "learned" else "sgd",
            inner_lr=inner_lr,
            options={"normalised": True, "bound": 1.0}
            if (self.nle, self.architecture) == ("learned", "structured")
            else {},
        )

    def _tested_step_size(self, robot: str) -> float:
        """Return a step size that suits the units, the form of M_theta and the loss."""
        if self.nle == "learned":
            return 0.003
        if robot != "reacher":
            return 0.01
        return 0.03 if self.architecture == "structured" else 0.3

    def meta_training(self) -> MetaTrainConfig:
        """Return the configuration of Algorithm 1."""
        structured = self.architecture == "structured"
        common: dict[str, Any] = {
            "n_outer_steps": self.n_outer_steps,
            "outer_lr": 1e-2 if structured else 3e-3,
            "weights": self.weights(),
        }
        if self.nle == "given":
            return MetaTrainConfig(
                n_tasks=self.n_tasks,
                unroll=10 if structured else 1,
                outer_every_step=True,
                horizon=100 if self.horizon is None else self.horizon,
                **common,
            )
        return MetaTrainConfig(
            n_tasks=self.n_tasks,
            unroll=20 if structured else 1,
            outer_every_step=True,
            horizon=750 * self.steps_per_window if self.horizon is None else self.horizon,
            restart="staggered",
            **common,
        )

    def weights(self) -> tuple[tuple[str, float], ...]:
        """Return beta and gamma of eq. (9)."""
        if not self.use_prior:
            return (("task", 1.0),)
        if self.nle == "given":
            return (("inertia", 1.0),)
        return (("task", 0.5), ("inertia", 0.25), ("nle", 0.25))

    def trainer(
        self, recordings: Recordings, units: Units, robot: str, seeds: tuple[int, ...]
    ) -> MetaTrainer:
        """Return the trainer of one loss per seed."""
        lacks_nle = self.nle == "learned" and recordings.nle is None
        if self.use_prior and (recordings.inertia is None or lacks_nle):
            raise ConfigError(
                "the shaped loss needs the inertia prior, M and F: record it, or use_prior off"
            )
        family = InverseDynamicsFamily(self.optimizee(units, robot), recordings, self.sampling())
        return MetaTrainer(family, self.loss_spec(units, robot), self.meta_training(), seeds)


def learned_loss(
    trainer: MetaTrainer, index: int, units: Units, robot: str, provenance: Mapping[str, Any]
) -> LearnedLoss:
    """Return the loss of seed number `index` as an artefact.

    Args:
        trainer: After its last step.
        index: Which of its seeds.
        units: The robot's units; whoever uses the loss needs them for the network.
        robot: Name of the robot.
        provenance: Whatever else tells where the loss comes from; JSON-able.
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
