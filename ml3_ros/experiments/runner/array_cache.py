# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Cache of computed arrays: files that hold a fingerprint of what the arrays depend on."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ml3_ros.data.array_files import write_arrays
from ml3_ros.experiments.runner.experiment import Arrays

_HEADER = "__header__"


def fingerprint(*parts: Any) -> str:
    """Return a short name of JSON-able values and arrays, equal for equal ones only."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, dict) and all(isinstance(x, np.ndarray) for x in part.values()):
            for name, array in sorted(part.items()):
                digest.update(f"{name} {array.dtype} {array.shape}".encode())
                digest.update(np.ascontiguousarray(array).tobytes())
        else:
            digest.update(json.dumps(part, sort_keys=True).encode())
    return digest.hexdigest()


def save_arrays(path: Path, arrays: Arrays, depends_on: str, revision: str) -> None:
    """Write arrays, the fingerprint of what they depend on and the revision that computed them."""
    header = json.dumps({"depends_on": depends_on, "revision": revision})
    write_arrays(path, {_HEADER: np.array(header), **arrays}, compressed=True)


def load_arrays(path: Path, depends_on: str) -> tuple[Arrays, str] | None:
    """Return the arrays in `path` and their revision, or None.

    None where the file is missing or damaged, or its arrays depend on something else.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            header = json.loads(str(file[_HEADER]))
            arrays = {name: file[name] for name in file.files if name != _HEADER}
        return (arrays, header["revision"]) if header["depends_on"] == depends_on else None
    except Exception:  # a damaged archive raises almost anything; it is computed anew
        return None


def cached(path: Path, depends_on: str, revision: str, compute: Callable[[], Arrays]) -> Arrays:
    """Return the arrays in `path`, or compute and save them where they are missing or others."""
    if kept := load_arrays(path, depends_on):
        return kept[0]
    arrays = compute()
    save_arrays(path, arrays, depends_on, revision)
    return arrays
