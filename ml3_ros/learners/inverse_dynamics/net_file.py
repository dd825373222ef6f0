# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A trained model as an artefact: a safetensors file that describes its network, never code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from safetensors.torch import load
from torch import Tensor, device, float32

from ml3_ros.core.checks import is_whole, quoted
from ml3_ros.core.tensor_files import Shapes, read_header, write_tensors
from ml3_ros.core.types import Params
from ml3_ros.errors import DataError, reason_of
from ml3_ros.learners.inverse_dynamics.net import InverseDynamicsNet
from ml3_ros.learners.inverse_dynamics.units import Units

FORMAT = "ml3_inverse_dynamics"
VERSION = 1
MAX_BYTES = 16 * 2**20  # far above any real model


def model_to_bytes(net: InverseDynamicsNet, theta: Params) -> bytes:
    """Return the file's content: parameters, and all that their network is built from."""
    header = {
        "format": FORMAT,
        "version": VERSION,
        "units": net.units.to_dict(),
        "nle": net.nle_mode,
        "inertia": net.inertia_form,
        "hidden": net.hidden,
        "activation": net.activation,
    }
    return write_tensors(theta, json.dumps(header, sort_keys=True))


class ModelReader:
    """Rebuilds models from bytes that may come from anywhere.

    Of a model that comes again and again, the network is built once.
    """

    def __init__(self) -> None:
        """Nothing has been read."""
        self._text = ""  # of the newest header
        self._shapes: Shapes = {}
        self._net: InverseDynamicsNet | None = None

    def __call__(
        self, data: bytes, source: str = "the model"
    ) -> tuple[InverseDynamicsNet, Params]:
        """Return network and parameters; `source` is what errors call it.

        Raises:
            DataError: The bytes are corrupt, of another format or version, not finite, or do not
                fit the network that they name.
        """
        if len(data) > MAX_BYTES:
            raise DataError(
                f"{source} is larger than {MAX_BYTES} bytes, so no model: check its sender"
            )
        try:
            net, theta = self._read(data)
        except Exception as error:  # bytes from anywhere raise anything
            raise DataError(
                f"{source} is damaged or no model of inverse dynamics ({reason_of(error)}): it is "
                "not used"
            ) from error
        if not all(p.dtype == float32 and p.isfinite().all() for p in theta.values()):
            raise DataError(f"{source} holds parameters that are not finite, or not float32")
        return net, theta

    def _read(self, data: bytes) -> tuple[InverseDynamicsNet, Params]:
        """Take no memory for a network before it is known to be as large as the file."""
        header, text, shapes = read_header(data)
        if text != self._text:
            with device("meta"):  # shapes without memory
                self._shapes = _shapes(dict(_network(header).named_parameters()))
            self._net, self._text = None, text
        if shapes != self._shapes:
            raise DataError("its tensors do not fit the network that it names")
        theta = load(data)
        if _shapes(theta) != shapes:
            raise DataError("it describes a tensor twice")
        if self._net is None:
            self._net = _network(header)
        return self._net, theta


def _shapes(params: Mapping[str, Tensor]) -> Shapes:
    return {name: tuple(p.shape) for name, p in params.items()}


def _network(header: dict[str, Any]) -> InverseDynamicsNet:
    kind = header["format"], header["version"]
    if kind != (FORMAT, VERSION) or not is_whole(kind[1]):
        raise ValueError(
            f"it is {quoted(kind[0])} version {quoted(kind[1])}, not {FORMAT} version {VERSION}"
        )
    if not isinstance(header["hidden"], list):
        raise ValueError(f"hidden is {quoted(header['hidden'])}, not a list of widths")
    return InverseDynamicsNet(
        Units.from_dict(header["units"]),
        nle=header["nle"],
        inertia=header["inertia"],
        hidden=tuple(header["hidden"]),
        activation=header["activation"],
    )
