# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Threads of linear algebra in commands whose matrices are small."""

from __future__ import annotations

import os


def one_thread() -> None:
    """Let linear algebra run on one thread, unless the user has said otherwise.

    Its matrices are so small here that several threads mostly wait for each other. Without effect
    where NumPy has been imported before.
    """
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
