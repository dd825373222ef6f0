"""How a process that trains small models uses its machine."""

import ctypes

import torch

from ml3_ros.core.engine.engine import Engine, use_engine

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # parameters of glibc's mallopt
_KEPT, _LARGE = 2**30, 2**18  # bytes


def prepare_process(engine: Engine | None = None) -> None:
    """Use one thread, keep freed memory, and let trainers use `engine` if they have none.

    The tensors are small, so a second thread costs more than it brings. By default glibc gives
    memory back to the system whenever a step is over, and gets it again, page by page, in the
    next one: with many seeds that is half of the time.
    """
    use_engine(engine or Engine())
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
