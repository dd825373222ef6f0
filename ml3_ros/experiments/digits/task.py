# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Task family of digits: binary classification of two handwritten digits by LeNet."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ml3_ros.core.draws import Source, randint
from ml3_ros.core.types import Batch, Extra, Params
from ml3_ros.errors import ConfigError
from ml3_ros.experiments.digits.images import N_DIGITS, DigitImages
from ml3_ros.experiments.digits.lenet import LeNet

SURE = 0.03
"""A mean likelihood [nat] so good that a better one is hardly worth more to the outer loss."""

Pair = tuple[int, int]
"""Two digits: the first is class 0, the second class 1."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DigitPairs:
    """Which pairs of digits a loss is trained on and tested with."""

    train: Pair
    validation: tuple[Pair, ...]
    test: tuple[Pair, ...]

    @staticmethod
    def draw(generator: torch.Generator) -> "DigitPairs":
        """Draw one pair to meta-train on, and two ways to make pairs of the other eight digits.

        No digit of the training pair is ever tested, and no test pair is one that step sizes were
        chosen on.
        """
        order = torch.randperm(N_DIGITS, generator=generator).tolist()
        rest = order[2:]
        shifted = rest[1:] + rest[:1]
        return DigitPairs(
            train=(order[0], order[1]),
            validation=tuple(zip(shifted[::2], shifted[1::2], strict=True)),
            test=tuple(zip(rest[::2], rest[1::2], strict=True)),
        )


class DigitPairFamily:
    """Binary classification of digits, batched over pairs; a `core.outer.family.TaskFamily`.

    A task is a pair. Batches hold "image" (n, B, side * side) and "label" (n, B, 2), one-hot.

    Args:
        optimizee: The network to be trained.
        images: All images.
        pairs: The tasks.
        held_out: Which images models are evaluated on; "test" is for reported results alone.
        batch_size: Images that one gradient step observes.
        query_size: Images that the task loss sees.
    """

    def __init__(
        self,
        optimizee: LeNet,
        images: DigitImages,
        pairs: tuple[Pair, ...],
        *,
        held_out: Literal["validation", "test"] = "validation",
        batch_size: int = 32,
        query_size: int = 64,
    ) -> None:
        if images.side != optimizee.side:
            raise ConfigError(f"a LeNet for {optimizee.side} pixels cannot read {images.side}")
        self.optimizee, self.images = optimizee, images
        self.pairs = torch.tensor(pairs)
        self.batch_size, self.query_size = batch_size, query_size
        first = images.n_learn + (images.n_validation if held_out == "test" else 0)
        last = first + images.n_validation if held_out == "validation" else images.pixels.shape[1]
        self._held_out = (first, last)

    def sample(self, n: int, generator: Source) -> Tensor:
        """Draw n pairs (n,)."""
        return randint(generator, 0, len(self.pairs), n)

    def init(self, tasks: Tensor, generator: Source) -> Params:
        """Return fresh networks, one for each task."""
        return self.optimizee.init(generator, (len(tasks),))

    def support(self, tasks: Tensor, ages: Tensor, generator: Source) -> Batch:
        """Return a random batch of the images to learn from; the age does not matter."""
        return self._draw(tasks, (0, self.images.n_learn), self.batch_size, generator)

    def query(self, tasks: Tensor, ages: Tensor, generator: Source) -> tuple[Batch, Extra]:
        """Return random held-out images; there is no extra information."""
        return self._draw(tasks, self._held_out, self.query_size, generator), {}

    def held_out(self, tasks: Tensor) -> Batch:
        """Return all held-out images of both digits of each task (n,)."""
        samples = torch.arange(*self._held_out).repeat(2)
        classes = torch.arange(2).repeat_interleave(len(samples) // 2)
        return self._batch(tasks, classes.expand(len(tasks), -1), samples.expand(len(tasks), -1))

    def task_losses(self, theta: Params, batch: Batch, extra: Extra) -> dict[str, Tensor]:
        """Return the negative log-likelihood [nat] plus a floor as "task", (*lead,).

        Without the floor, the logarithm of the task loss would reward certainty on what is right
        already more than it punishes certainty on what is wrong.
        """
        likelihood = negative_log_likelihood(self.optimizee.call(theta, batch), batch["label"])
        return {"task": likelihood + SURE}

    def _draw(self, tasks: Tensor, among: tuple[int, int], n: int, generator: Source) -> Batch:
        """Draw n images per task, as many of one digit as of the other (or one more)."""
        classes = torch.arange(n).remainder(2).expand(len(tasks), -1)
        samples = randint(generator, *among, len(tasks), n)
        return self._batch(tasks, classes, samples)

    def _batch(self, tasks: Tensor, classes: Tensor, samples: Tensor) -> Batch:
        """Return images and labels; `classes` and `samples` are (n, B)."""
        digits = self.pairs[tasks].gather(-1, classes)
        label = torch.nn.functional.one_hot(classes, 2).to(self.images.pixels.dtype)
        return {"image": self.images.pixels[digits, samples], "label": label}


def negative_log_likelihood(log_probabilities: Tensor, label: Tensor) -> Tensor:
    """Return the mean cross-entropy [nat] (*lead,) of (*lead, B, k) with one-hot labels."""
    return -(log_probabilities * label).sum(-1).mean(-1)


def accuracy(log_probabilities: Tensor, label: Tensor) -> Tensor:
    """Return the share (*lead,) of images (*lead, B, k) whose likeliest class is the right one."""
    return (log_probabilities.argmax(-1) == label.argmax(-1)).float().mean(-1)
