# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Handwritten digits: scikit-learn's by default, MNIST's from local files."""

import gzip
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ml3_ros.errors import DataError, needs
from ml3_ros.files import user_path

N_DIGITS = 10
IMAGES_FILE, LABELS_FILE = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
_UNSIGNED_BYTE = 8  # the type code of an IDX file that this reader knows
_SKLEARN_BRIGHTEST, _MNIST_BRIGHTEST = 16.0, 255.0
_MAX_BYTES = 2**28  # MNIST has 47 million; more is something else


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DigitImages:
    """Equally many images of every digit, in random order.

    Attributes:
        pixels: Brightness in 0..1, (10, N, side * side).
        n_learn: The first of each digit's images are to learn from.
        n_validation: The next are to choose step sizes by, and for the outer loss; the last are
            for reported results alone.
    """

    pixels: Tensor
    n_learn: int
    n_validation: int

    @property
    def side(self) -> int:
        """Height and width of an image [pixels]."""
        return math.isqrt(self.pixels.shape[-1])


def load_images(folder: str = "", *, per_digit: int = 174, held_out: int = 40) -> DigitImages:
    """Load scikit-learn's 8 x 8 digits, or MNIST from a folder; the split is always the same.

    Args:
        folder: With MNIST's two training files, plain or gzipped; empty for scikit-learn's digits.
        per_digit: Images of each digit; scikit-learn has 174 of the rarest.
        held_out: Of these, for validation and for test, each.

    Raises:
        DataError: If files are missing or damaged, or there are too few images.
    """
    if not 1 <= held_out < per_digit / 2:
        raise DataError(f"held_out={held_out}: use 1 to {(per_digit - 1) // 2} of {per_digit}")
    images, labels = _mnist(user_path(folder)) if folder else _sklearn_digits()
    rng = np.random.default_rng(0)
    digits = []
    for digit in range(N_DIGITS):
        rows = rng.permutation(np.flatnonzero(labels == digit))
        if len(rows) < per_digit:
            raise DataError(
                f"there are {len(rows)} images of the digit {digit}, not {per_digit}: "
                f"use per_digit={len(rows)}, or a complete data set"
            )
        digits.append(images[rows[:per_digit]].reshape(per_digit, -1))
    return DigitImages(
        pixels=torch.from_numpy(np.stack(digits)),
        n_learn=per_digit - 2 * held_out,
        n_validation=held_out,
    )


def _sklearn_digits() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    with needs("scikit-learn", "experiments", "the set of digits that is not MNIST's"):
        from sklearn.datasets import load_digits
    data = load_digits()
    return (data.images / _SKLEARN_BRIGHTEST).astype(np.float32), data.target.astype(np.int64)


def _mnist(folder: Path) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    images, labels = read_idx(folder, IMAGES_FILE, 3), read_idx(folder, LABELS_FILE, 1)
    if len(images) != len(labels) or images.shape[1] != images.shape[2]:
        raise DataError(
            f"{folder} has images {images.shape} and {len(labels)} labels: "
            "they do not belong together, download both again"
        )
    if len(labels) and labels.max() >= N_DIGITS:
        raise DataError(f"{folder / LABELS_FILE} has the label {labels.max()}: use digits, 0 to 9")
    return (images / _MNIST_BRIGHTEST).astype(np.float32), labels.astype(np.int64)


def read_idx(folder: Path, name: str, n_dimensions: int) -> NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes, plain (`name`) or gzipped (`name`.gz).

    The file is two zero bytes, a type code, the number of dimensions, the big-endian size of each,
    and the values (http://yann.lecun.com/exdb/mnist).

    Raises:
        DataError: If the file is missing, or not of the format that its head states.
    """
    candidates = (folder / name, folder / f"{name}.gz")
    path = next((path for path in candidates if path.is_file()), None)
    if path is None:
        raise DataError(f"there is no {name} or {name}.gz in {folder}: download MNIST to there")
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except (OSError, EOFError) as error:
        raise DataError(f"{path} cannot be read ({error}): download it again") from error
    head = 4 + 4 * n_dimensions
    if content[:4] != bytes((0, 0, _UNSIGNED_BYTE, n_dimensions)) or len(content) < head:
        raise DataError(
            f"{path} begins with {content[:4].hex()}, an IDX file of bytes in {n_dimensions} "
            f"dimensions with 000008{n_dimensions:02x}: download it again"
        )
    shape = tuple(int(n) for n in np.frombuffer(content, ">u4", n_dimensions, offset=4))
    if len(content) - head != math.prod(shape):
        raise DataError(
            f"{path} has {len(content) - head} values where its head says {shape}: "
            "it is damaged, download it again"
        )
    return np.frombuffer(content, np.uint8, offset=head).reshape(shape)
