# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Wrong messages, and where a message carries a file, wrong files that fit its checksum."""

from __future__ import annotations

import copy
import hashlib
import random
from pathlib import Path
from typing import Any

from faults.mutations import loss_files, messages
from faults.mutations.headers import wrong_header
from ml3_msgs.msg import LearnedLoss, LearnedModel

LARGEST_FILE = 200_000  # bytes of a mutated file that is sent
MARKER = Path("out/faults/executed")  # which code in a file would make


def mutated(good: Any, rng: random.Random) -> tuple[str, Any]:
    """Return the name of a mutation drawn from `rng`, and a message, or the bytes of one.

    `good` stays as it is. Of messages with a file two in three have a wrong file: every other one
    a wrong value in its header.
    """
    if isinstance(good, LearnedLoss | LearnedModel) and rng.random() < 2.0 / 3.0:
        kind, data = _wrong_file(good, rng)
        if len(data) <= LARGEST_FILE:
            return kind, _carrying(good, data)
    return messages.mutated(good, rng)


def _wrong_file(good: LearnedLoss | LearnedModel, rng: random.Random) -> tuple[str, bytes]:
    data = bytes(good.data)
    if rng.random() < 0.5:
        return "values of the header", wrong_header(data, rng)
    is_loss = isinstance(good, LearnedLoss)
    kinds = loss_files.KINDS if is_loss else loss_files.KINDS_OF_ANY_FILE
    return loss_files.mutated(data, rng, MARKER, kinds)


def _carrying(good: Any, data: bytes) -> Any:
    msg = copy.copy(good)
    msg.data = data
    if isinstance(msg, LearnedLoss):
        msg.sha256 = hashlib.sha256(data).hexdigest()
    return msg
