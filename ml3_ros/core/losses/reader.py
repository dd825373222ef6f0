# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Reader of learned losses from untrusted bytes: runs no code, and rejects bad ones cheaply."""

from typing import Any

from safetensors.torch import load
from torch import float32

from ml3_ros.core.checks import is_whole, quoted
from ml3_ros.core.losses import trial as loss_trial
from ml3_ros.core.losses.spec import LossSpec
from ml3_ros.core.tensor_files import Shapes, read_header
from ml3_ros.core.types import Params
from ml3_ros.errors import DataError, LossFileError, reason_of

FORMAT = "ml3_learned_loss"
VERSION = 1
MAX_BYTES = 16 * 2**20  # far above any real loss; a larger file is not one


def read_loss(data: bytes, source: str) -> tuple[LossSpec, Params, dict[str, Any]]:
    """Return what a loss is made of, in steps: no memory is taken for what the next one rejects.

    Args:
        data: The file's content.
        source: What to call it in errors.

    Raises:
        LossFileError: If the bytes are corrupt, of another format or version, or their tensors do
            not fit the architecture that they name, or the loss does not work.
    """
    if len(data) > MAX_BYTES:
        raise LossFileError(
            f"{source} is larger than {MAX_BYTES} bytes, so no learned loss: check the path"
        )
    try:
        header, _, shapes = read_header(data)
        kind, version = header["format"], header["version"]
    except (DataError, KeyError) as error:
        raise _no_loss(source, error) from error
    if kind != FORMAT or version != VERSION or not is_whole(version):
        raise LossFileError(
            f"{source} is {quoted(kind)} version {quoted(version)}, this package reads "
            f"{FORMAT} version {VERSION}: retrain it with `ml3 train`, or use the release "
            "that it was made with"
        )
    spec, provenance = _described(header, shapes, source)
    phi = _parameters(data, spec, shapes, source)
    try:
        works = loss_trial.works(spec, phi)
    except Exception as error:  # what does not work raises anything
        raise LossFileError(
            f"{source} has options that do not work ({reason_of(error)}): retrain it"
        ) from error
    if not works:
        raise LossFileError(
            f"{source} gives a value, or a step of a model, that is not finite for inputs of "
            "typical size: retrain it"
        )
    return spec, phi, provenance


def _described(
    header: dict[str, Any], shapes: Shapes, source: str
) -> tuple[LossSpec, dict[str, Any]]:
    try:
        spec = LossSpec.from_dict(header["spec"])
        needed = spec.phi_shapes()
        provenance = header["provenance"]
        if not isinstance(provenance, dict):
            raise DataError(f"provenance is {quoted(provenance)}")
    except Exception as error:  # a description from anywhere raises anything
        raise LossFileError(
            f"{source} has a damaged header ({reason_of(error)}): copy it again"
        ) from error
    if shapes != needed:
        raise LossFileError(
            f"{source}: its tensors {quoted(shapes)} do not fit the architecture "
            f"{spec.architecture!r}, which needs {quoted(needed)}: retrain it"
        )
    return spec, provenance


def _parameters(data: bytes, spec: LossSpec, shapes: Shapes, source: str) -> Params:
    try:
        phi: Params = load(data)
    except Exception as error:
        raise _no_loss(source, error) from error
    if {k: tuple(p.shape) for k, p in phi.items()} != shapes:
        raise _no_loss(source, DataError("a tensor is described twice"))
    if not all(p.dtype == float32 for p in phi.values()):
        raise LossFileError(f"{source} holds parameters that are not float32: retrain it")
    if not all(p.isfinite().all() for p in phi.values()):
        raise LossFileError(f"{source} holds NaN or infinite parameters: retrain it")
    return phi


def _no_loss(source: str, error: Exception) -> LossFileError:
    return LossFileError(
        f"{source} is truncated or not a learned loss ({reason_of(error)}): copy it again, or "
        "train one with `ml3 train`"
    )
