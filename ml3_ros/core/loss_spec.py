"""What a meta-loss is made of and what it looks at: enough to rebuild it, without its phi."""

from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor

from ml3_ros.core.inner_loop import LossFunction
from ml3_ros.core.inner_optimizers import InnerOptimizer, make_inner_optimizer
from ml3_ros.core.meta_losses import MetaLoss, make_meta_loss
from ml3_ros.core.types import Batch, Params
from ml3_ros.errors import ConfigError

SMALLEST_SCALE, LARGEST_SCALE = 1e-20, 1e20  # squares and inverses stay within float32


@dataclass(frozen=True, kw_only=True, slots=True)
class InputSpec:
    """One named input of a loss.

    Attributes:
        name: Key in the batch.
        unit: Unit of its elements, for instance "N m".
        scale: Size of each element that the network sees as 1, in that unit, (k,).
        labels: What each element belongs to, for instance the joint's name; (k,) or empty.
    """

    name: str
    unit: str
    scale: tuple[float, ...]
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not all(isinstance(text, str) for text in (self.name, self.unit, *self.labels)):
            raise ConfigError(f"input {self.name!r}: name, unit and labels must be text")
        if not self.scale or not all(SMALLEST_SCALE < s < LARGEST_SCALE for s in self.scale):
            raise ConfigError(f"input {self.name!r}: every scale must be > 0, got {self.scale}")
        if self.labels and len(self.labels) != len(self.scale):
            raise ConfigError(
                f"input {self.name!r}: {len(self.scale)} scales but {len(self.labels)} labels"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class LossSpec:
    """Architecture, inputs and update rule of a learned loss.

    Attributes:
        architecture: Name of the network, see `meta_losses.ARCHITECTURES`.
        target: What the prediction is compared to; prediction and target share its scale.
        context: Further observed inputs, in the network's order.
        options: Options of the architecture.
        inner_optimizer: The update rule that the loss was trained with: "sgd" or "adam".
        inner_lr: Its step size [-].
        clip_norm: Largest norm of the gradient on theta (with "sgd"), or None.
    """

    architecture: str
    target: InputSpec
    context: tuple[InputSpec, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    inner_optimizer: str = "sgd"
    inner_lr: float = 1e-2
    clip_norm: float | None = None

    def __post_init__(self) -> None:
        self.optimizer()  # refuses an update rule that does not exist

    def network(self) -> MetaLoss:
        """Build the network that phi fills."""
        sizes = {c.name: len(c.scale) for c in self.context}
        return make_meta_loss(self.architecture, len(self.target.scale), sizes, **self.options)

    def optimizer(self) -> InnerOptimizer:
        """Return the update rule h."""
        return make_inner_optimizer(self.inner_optimizer, self.inner_lr, self.clip_norm)

    def function(self) -> LossFunction:
        """Return the loss as a function of (phi, prediction, batch), in the batch's own units."""
        network = self.network()
        # 1 / scale: a product is cheaper than a quotient at every step
        target_gain = 1.0 / torch.tensor(self.target.scale)
        context_gains = {c.name: 1.0 / torch.tensor(c.scale) for c in self.context}

        def loss(phi: Params, prediction: Tensor, batch: Batch) -> Tensor:
            context = {name: batch[name] * gain for name, gain in context_gains.items()}
            target = batch[self.target.name] * target_gain
            return network.call(phi, prediction * target_gain, target, context)

        return loss

    def to_dict(self) -> dict[str, Any]:
        """Return the specification as plain JSON-able data."""
        return asdict(self)

    @staticmethod
    def from_dict(data: dict[str, Any]) -> "LossSpec":
        """Rebuild a specification from `to_dict`'s data.

        Raises:
            KeyError, TypeError, ValueError: If the data are not those of a specification.
        """

        def tuples(value: Any) -> Any:
            return tuple(tuples(v) for v in value) if isinstance(value, list) else value

        def input_spec(fields: dict[str, Any]) -> InputSpec:
            return InputSpec(**{k: tuples(v) for k, v in fields.items()})

        rest = {k: v for k, v in data.items() if k not in ("target", "context", "options")}
        return LossSpec(
            target=input_spec(data["target"]),
            context=tuple(input_spec(c) for c in data["context"]),
            options={k: tuples(v) for k, v in data["options"].items()},
            **rest,
        )
