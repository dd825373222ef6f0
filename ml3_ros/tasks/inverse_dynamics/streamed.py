# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recordings cut from one stream of a moving arm, so that a loss can be meta-trained on it."""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from ml3_ros.errors import ConfigError, DataError
from ml3_ros.tasks.inverse_dynamics.recordings import Recordings

REQUIRED = ("q", "v", "a", "tau")
PRIOR = ("inertia", "nle")


def recordings_from_stream(
    signals: Mapping[str, NDArray[np.float64]],
    rate: float,
    *,
    segment_seconds: float = 15.0,
    support_share: float = 2.0 / 3.0,
) -> Recordings:
    """Cut a stream into tasks: the first part of a segment is learned from, the rest held out.

    Segments overlap by half, so that a short stream gives more than one task.

    Args:
        signals: q [rad], v [rad/s], a [rad/s^2], tau [N m], each (T, n); and, where the prior is
            known, inertia [kg m^2] (T, n, n) and nle [N m] (T, n).
        rate: Samples per second [Hz].
        segment_seconds: Length of a task [s].
        support_share: Share of a segment that may be learned from [-].

    Raises:
        DataError: If the stream is shorter than a segment, or a signal is missing or too short.
        ConfigError: If the share leaves no samples on one side.
    """
    missing = [name for name in REQUIRED if name not in signals]
    if missing:
        raise DataError(f"the stream lacks {', '.join(missing)}: record joint_states with efforts")
    if not 0.0 < support_share < 1.0:
        raise ConfigError(f"support_share must be in (0, 1), got {support_share}")
    length = round(segment_seconds * rate)
    total = len(signals["q"])
    if total < length:
        raise DataError(
            f"the stream has {total} samples ({total / rate:.1f} s), a task needs {length} "
            f"({segment_seconds:.1f} s): let the arm move longer"
        )
    starts = range(0, total - length + 1, max(1, length // 2))
    rows = np.stack([np.arange(start, start + length) for start in starts])
    cut = {}
    for name in (*REQUIRED, *(name for name in PRIOR if name in signals)):
        x = np.asarray(signals[name])
        if len(x) != total:
            raise DataError(f"{name} has {len(x)} samples, q has {total}: pair them by stamp")
        cut[name] = torch.from_numpy(x[rows].astype(np.float32))
    return Recordings(**cut, n_support=round(length * support_share))
