# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Loss files of a node: finds them by name, in its folder or in the package; makes messages."""

from __future__ import annotations

from pathlib import Path

from ml3_msgs.msg import LearnedLoss as LearnedLossMsg
from ml3_ros.core.checks import printable
from ml3_ros.core.losses.learned_loss import MAX_QUOTE, LearnedLoss
from ml3_ros.errors import LossFileError
from ml3_ros.files import user_path
from ml3_ros.nodes.messages.ml3 import loss_to_msg
from ml3_ros.zoo import SUFFIX, shipped

LEARNED = ("ml3_shaped", "ml3_unshaped")  # the methods with losses that every run has
FURTHER = ("ml3_adaptive", "ml3_prior")  # and those that ship for some robots


def inside(folder: Path, file: str) -> Path:
    """Return the path of `file` in `folder`.

    Raises:
        LossFileError: It would lie outside; services write and read nowhere else.
        DataError: It begins in a home folder that does not exist.
    """
    root = folder.resolve()
    rejection = LossFileError(
        f"{file[:MAX_QUOTE]!r} is not inside {root}, the only folder that this node reads and "
        "writes losses in: give a name relative to it, or change the node's parameter"
    )
    if Path(file).name in ("", ".."):
        raise rejection
    file = str(user_path(file))
    try:  # with the suffix: it is that file which may be a link
        path = (root / (file if file.endswith(SUFFIX) else file + SUFFIX)).resolve()
    except (OSError, RuntimeError, ValueError):  # links in a circle, or a NUL
        raise rejection from None
    if not path.is_relative_to(root):
        raise rejection
    return path


def to_load(folder: Path, file: str) -> Path:
    """Return the path of the shipped loss named `file`, else of the file in `folder`.

    Raises:
        LossFileError: The file would lie outside `folder`.
    """
    return shipped().get(file) or inside(folder, file)


def method_of(path: Path) -> str:
    """Return the method that a loss file is for: the end of its name, else all of it."""
    methods = (*LEARNED, *FURTHER)
    return next((name for name in methods if path.stem.endswith(name)), path.stem)


def message(name: str, loss: LearnedLoss, stamp: int, frame_id: str = "") -> LearnedLossMsg:
    """Return the message of a loss under a name, stamped `stamp` [ns], for the base `frame_id`."""
    return loss_to_msg(
        name,
        loss.to_bytes(),
        stamp=stamp,
        # a file may say anything there, and what cannot be sent ends the process that sends it
        task_family=printable(str(loss.provenance.get("task_family", ""))),
        robot=printable(str(loss.provenance.get("robot", ""))),
        joint_names=loss.spec.target.labels,
        frame_id=frame_id,
    )
