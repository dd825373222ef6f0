"""A trained model as an artefact: a safetensors file that says what network it is, never code."""

from __future__ import annotations

import json
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import float32

from ml3_ros.core.types import Params
from ml3_ros.errors import ConfigError, DataError
from ml3_ros.tasks.inverse_dynamics.model import InverseDynamicsNet
from ml3_ros.tasks.inverse_dynamics.units import Units

FORMAT = "ml3_inverse_dynamics"
VERSION = 1
HEADER_KEY = "ml3"
MAX_BYTES = 64 * 2**20  # far above any real model
_DAMAGED = (
    SafetensorError,
    ConfigError,
    KeyError,
    TypeError,
    ValueError,
    AttributeError,
    RecursionError,
)
_LENGTH_BYTES = 8  # safetensors begins with the little-endian length of its header


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
    tensors = {name: p.detach().contiguous() for name, p in theta.items()}
    return save(tensors, {HEADER_KEY: json.dumps(header, sort_keys=True)})


class ModelReader:
    """Rebuilds models from bytes that may come from anywhere.

    Of a model that comes again and again, the network is built once.
    """

    def __init__(self) -> None:
        """Nothing has been read."""
        self._header = ""
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
            theta = load(data)
            length = int.from_bytes(data[:_LENGTH_BYTES], "little")
            header = json.loads(data[_LENGTH_BYTES:][:length])["__metadata__"][HEADER_KEY]
            if self._net is None or header != self._header:
                self._net, self._header = _network(json.loads(header)), header
        except _DAMAGED as error:
            raise DataError(
                f"{source} is damaged or no model of inverse dynamics ({error}): it is not used"
            ) from error
        wanted = {name: p.shape for name, p in self._net.named_parameters()}
        if {name: p.shape for name, p in theta.items()} != wanted:
            raise DataError(f"{source}: its tensors do not fit the network that it names")
        if not all(p.dtype == float32 and p.isfinite().all() for p in theta.values()):
            raise DataError(f"{source} holds parameters that are not finite, or not float32")
        return self._net, theta


def _network(header: dict[str, Any]) -> InverseDynamicsNet:
    kind = header["format"], header["version"]
    if kind != (FORMAT, VERSION):
        raise ValueError(f"it is {kind[0]} version {kind[1]}, not {FORMAT} version {VERSION}")
    return InverseDynamicsNet(
        Units.from_dict(header["units"]),
        nle=header["nle"],
        inertia=header["inertia"],
        hidden=tuple(header["hidden"]),
        activation=header["activation"],
    )
