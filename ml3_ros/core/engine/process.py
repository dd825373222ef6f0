# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Threads and memory of a process that trains small models."""

import ctypes

import torch

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # parameters of glibc's mallopt
_KEPT, _LARGE = 2**30, 2**18  # bytes


def prepare_process() -> None:
    """Use one thread, and keep freed memory.

    The tensors are small, so a second thread costs more than it brings. By default glibc gives
    memory back to the system whenever a step is over, and gets it again, page by page, in the
    next one: with many seeds that is half of the time.
    """
    torch.set_num_threads(1)
    _set_malloc(_TRIM_THRESHOLD, _KEPT)
    _set_malloc(_MMAP_THRESHOLD, _KEPT)


def return_large_blocks() -> None:
    """Give large blocks back to the system as soon as they are freed.

    For processes that run for long and write all that they know now and then: by default glibc
    soon counts blocks of that size as small ones, and keeps what such copies took.
    """
    _set_malloc(_MMAP_THRESHOLD, _LARGE)


def _set_malloc(parameter: int, value: int) -> None:
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # only glibc has it
        mallopt(parameter, value)
