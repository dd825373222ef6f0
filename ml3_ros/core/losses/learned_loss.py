# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The learned loss as an artefact: a safetensors file with a JSON header, never code."""

import hashlib
import json
import os
import stat
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ml3_ros.core.learner import Learner
from ml3_ros.core.losses.reader import FORMAT, MAX_BYTES, VERSION, read_loss
from ml3_ros.core.losses.spec import LossSpec
from ml3_ros.core.losses.trial import TrialModel
from ml3_ros.core.networks import BoundModel
from ml3_ros.core.tensor_files import write_tensors
from ml3_ros.core.types import Params
from ml3_ros.errors import DataError, LossFileError
from ml3_ros.files import user_path, write_atomically

MAX_QUOTE = 300  # characters of a file's name that an error repeats


@dataclass(frozen=True, kw_only=True, slots=True)
class LearnedLoss:
    """A frozen M_phi, ready to train new models (Algorithm 2).

    Attributes:
        spec: Architecture, inputs with units and normalisation, update rule.
        phi: Parameters of the network, float32.
        provenance: Where it comes from: task family, robot, config, seed, revision, metrics.
    """

    spec: LossSpec
    phi: Params
    provenance: dict[str, Any] = field(default_factory=dict)

    def learner(self, optimizee: nn.Module) -> Learner:
        """Return a model with this loss and the update rule that it was trained with."""
        return self.spec.learner(optimizee)

    def check_labels(self, labels: Sequence[str]) -> None:
        """Reject a robot whose joints are not the ones that the loss was trained for.

        Raises:
            LossFileError: If names or order differ.
        """
        for signal in (self.spec.target, *self.spec.context):
            if tuple(labels) != signal.labels:
                raise LossFileError(
                    f"the loss was trained for the joints {list(signal.labels)}, but this robot "
                    f"has {list(labels)}: use a loss of this robot, or train one with `ml3 train`"
                )

    def check_inputs(self, on_offer: Collection[str]) -> None:
        """Reject a batch that lacks an input of the loss.

        Args:
            on_offer: Names of what a batch will hold.

        Raises:
            LossFileError: If the target or a context input is not among them.
        """
        needed = [x.name for x in (self.spec.target, *self.spec.context)]
        missing = [name for name in needed if name not in on_offer]
        if missing:
            raise LossFileError(
                f"the loss needs {', '.join(missing)}, but there are only "
                f"{', '.join(on_offer)}: use a loss that was trained for these"
            )

    def to_bytes(self) -> bytes:
        """Return the file's content; equal losses give equal bytes.

        Raises:
            LossFileError: It would be larger than what is read back.
        """
        header = {
            "format": FORMAT,
            "version": VERSION,
            "spec": self.spec.to_dict(),
            "provenance": self.provenance,
        }
        try:
            data = write_tensors(self.phi, json.dumps(header, sort_keys=True))
        except DataError as error:
            raise LossFileError(f"the loss cannot be saved: {error}") from error
        if len(data) > MAX_BYTES:
            raise LossFileError(
                f"the loss cannot be saved: it has {len(data)} bytes, more than the {MAX_BYTES} "
                "that are read back: make its network smaller"
            )
        return data

    @staticmethod
    def from_bytes(data: bytes, source: str = "the loss") -> "LearnedLoss":
        """Rebuild a loss from bytes that may come from anywhere.

        Args:
            data: The file's content.
            source: What to call it in errors, for instance the file's path.

        Raises:
            LossFileError: If the bytes are corrupt, of another format or version, their tensors
                do not fit the architecture that they name, or the loss does not work.
        """
        spec, phi, provenance = read_loss(data, source)
        return LearnedLoss(spec=spec, phi=phi, provenance=provenance)

    def value_at(self, size: float) -> float:
        """Return the value where prediction and context are `size` [-] of each scale, target 0."""
        scale = torch.tensor([self.spec.target.scale])
        model = TrialModel(size * scale, self.spec.roles)
        batch = {x.name: size * torch.tensor([x.scale]) for x in self.spec.context}
        batch[self.spec.target.name] = torch.zeros_like(scale)
        bound = BoundModel(model, model.init(torch.Generator()))
        return float(self.spec.loss().evaluate(self.phi, bound, batch, torch.zeros(())))

    def sha256(self) -> str:
        """Return the fingerprint of the file's content."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def save(self, path: str | Path) -> Path:
        """Write the file; an interrupted or failed write leaves what was there before.

        Raises:
            LossFileError: If it cannot be written, or would be larger than what is read back.
        """
        try:
            written = user_path(path)
            write_atomically(written, self.to_bytes())
        except DataError as error:
            raise LossFileError(str(error)) from error
        return written

    @staticmethod
    def load(path: str | Path) -> "LearnedLoss":
        """Read a file.

        Raises:
            LossFileError: If it cannot be read or is not a loss of this version.
        """
        try:
            # without waiting, which opening a pipe would do for ever
            descriptor = os.open(user_path(path), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            # before Python opens it, which would not close what is no file
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                os.close(descriptor)
                raise LossFileError(f"the loss file {path} is no file: check the path")
            with open(descriptor, "rb") as file:
                data = file.read(MAX_BYTES + 1)
        except (OSError, ValueError) as error:
            raise LossFileError(
                f"cannot read the loss file {path} ({getattr(error, 'strerror', error)}): check "
                "the path"
            ) from error
        return LearnedLoss.from_bytes(data, source=f"the loss file {path}")
