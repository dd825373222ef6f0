# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""LeNet as an optimizee: a network for digits of which many are evaluated in one batch."""

import math

import torch
from torch import Tensor, nn

from ml3_ros.core.draws import Source, rand
from ml3_ros.core.networks import FunctionalModule
from ml3_ros.core.types import Batch, Params
from ml3_ros.errors import ConfigError

CHANNELS = (6, 16)  # feature maps of the two convolutions
HIDDEN = 50  # units of the dense layer
LARGE_SIDE = 28  # of the images that LeNet was made for [pixels]


class LeNet(FunctionalModule):
    """Two convolutions with max-pooling, two dense layers, rectified linear units in between.

    Images of 28 x 28 pixels meet 5 x 5 kernels without padding; smaller ones 3 x 3 kernels with
    padding, because nothing would be left of them.

    Args:
        side: Height and width of an image [pixels].
        n_classes: Number of classes k.
    """

    def __init__(self, side: int, n_classes: int = 2) -> None:
        super().__init__()
        self.side, self.n_classes = side, n_classes
        self.kernel, self.padding = (5, 0) if side >= LARGE_SIDE else (3, 1)
        shrinking = self.kernel - 1 - 2 * self.padding
        pooled = ((side - shrinking) // 2 - shrinking) // 2  # side of the last feature maps
        if pooled < 1:
            raise ConfigError(f"images of {side} x {side} pixels are too small: use 4 x 4 or more")
        area, first, second = self.kernel**2, *CHANNELS
        self._shapes: tuple[tuple[int, ...], ...] = (
            (first, 1, self.kernel, self.kernel),
            (second, first, self.kernel, self.kernel),
            (second * pooled**2, HIDDEN),
            (HIDDEN, n_classes),
        )
        self._fan_in = (area, first * area, second * pooled**2, HIDDEN)
        self._n_biases = (first, second, HIDDEN, n_classes)
        self.declare(self.init(torch.Generator().manual_seed(0)))

    def init(self, generator: Source, lead: tuple[int, ...] = ()) -> Params:
        """Return fresh `weight_i` and `bias_i` of the four layers, uniform in +-1/sqrt(fan-in)."""
        params = {}
        for i, (shape, fan_in, n) in enumerate(
            zip(self._shapes, self._fan_in, self._n_biases, strict=True)
        ):
            for name, size in ((f"weight_{i}", shape), (f"bias_{i}", (n,))):
                uniform = rand(generator, *lead, *size)
                params[name] = (2.0 * uniform - 1.0) / math.sqrt(fan_in)
        return params

    def roles(self) -> dict[str, str]:
        """Return "convolution", "hidden" or "output" of each weight and bias."""
        layers = ("convolution", "convolution", "hidden", "output")
        return {f"{k}_{i}": f"{r}.{k}" for i, r in enumerate(layers) for k in ("weight", "bias")}

    def call(self, params: Params, batch: Batch) -> Tensor:
        """Return log-probabilities of the classes (*lead, B, k).

        Args:
            params: Parameters, each (*lead, *shape).
            batch: "image" (*lead, B, side * side), brightness in 0..1.
        """
        images = batch["image"]
        *lead, n_images, _ = images.shape
        n_models = math.prod(lead)
        # all models side by side as the groups of one convolution
        x = images.reshape(n_models, n_images, self.side, self.side).transpose(0, 1)
        for i in (0, 1):
            weight = params[f"weight_{i}"].reshape(-1, *self._shapes[i][1:])
            bias = params[f"bias_{i}"].reshape(-1)
            x = nn.functional.conv2d(x, weight, bias, padding=self.padding, groups=n_models)
            x = torch.relu(nn.functional.max_pool2d(x, 2))
        x = x.reshape(n_images, n_models, -1).transpose(0, 1)
        for i in (2, 3):
            weight = params[f"weight_{i}"].reshape(n_models, *self._shapes[i])
            bias = params[f"bias_{i}"].reshape(n_models, 1, -1)
            x = torch.baddbmm(bias, x if i == 2 else torch.relu(x), weight)
        return nn.functional.log_softmax(x, dim=-1).reshape(*lead, n_images, self.n_classes)
