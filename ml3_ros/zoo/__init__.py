# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Shipped learned losses, each made by the command in docs/losses.md."""

from pathlib import Path

from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.errors import LossFileError

SUFFIX = ".safetensors"


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
