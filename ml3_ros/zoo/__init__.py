# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Shipped learned losses, each made by the command in docs/losses.md."""

from pathlib import Path

from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.errors import LossFileError

SUFFIX = ".safetensors"
KINDS = ("adaptive", "shaped", "unshaped")  # that serve other arms than their own, the best first


def shipped() -> dict[str, Path]:
    """Return the files of all shipped losses by name, for instance "sawyer_ml3_shaped"."""
    return {path.stem: path for path in sorted(Path(__file__).parent.glob(f"*{SUFFIX}"))}


def shipped_loss(name: str) -> LearnedLoss:
    """Load a shipped loss.

    Raises:
        LossFileError: There is none of that name.
    """
    files = shipped()
    if name not in files:
        raise LossFileError(f"no loss {name!r} ships with ml3_ros: use one of {', '.join(files)}")
    return LearnedLoss.load(files[name])


def losses_for(n_joints: int) -> dict[str, LearnedLoss]:
    """Return the shipped losses for torques of `n_joints` joints by name, those of KINDS alone.

    For an arm that no losses ship for: with its joints and units one of these can serve it.
    """
    stems = (stem for stem in shipped() if stem.partition("_ml3_")[2] in KINDS)
    losses = {stem: shipped_loss(stem) for stem in stems}
    return {
        stem: loss
        for stem, loss in losses.items()
        if loss.spec.target.name == "tau" and len(loss.spec.target.scale) == n_joints
    }
