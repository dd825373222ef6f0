# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Arrays written to .npz files, which never hold pickled objects."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ml3_ros.files import write_atomically


def write_arrays(path: Path, arrays: Mapping[str, ArrayLike], *, compressed: bool = False) -> None:
    """Write arrays by name to a .npz file, whole or not at all.

    Raises:
        ValueError: One is of objects, which NumPy would pickle; only from 2.1 on it can be told
            not to.
        DataError: The disk is full or the folder cannot be written.
    """
    plain: dict[str, Any] = {name: np.asarray(array) for name, array in arrays.items()}
    objects = ", ".join(name for name, array in plain.items() if array.dtype.hasobject)
    if objects:
        raise ValueError(f"arrays of objects would be pickled: give {objects} a plain type")
    save = np.savez_compressed if compressed else np.savez
    write_atomically(path, lambda file: save(file, **plain))
