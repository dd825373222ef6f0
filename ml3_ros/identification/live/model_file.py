# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A physical model as it travels: a safetensors file of its parameters, and its reader."""

from __future__ import annotations

import json

import numpy as np
import torch
from safetensors.torch import load

from ml3_ros.core.tensor_files import read_header, write_tensors
from ml3_ros.errors import DataError, reason_of
from ml3_ros.identification.live.physical_model import LinearTorque, PhysicalModel
from ml3_ros.identification.models.least_squares import HasRegressor

FORMAT = "ml3_physical_model"
VERSION = 1
MAX_BYTES = 2**20  # far above any real one


def physical_to_bytes(model: PhysicalModel) -> bytes:
    """Return the file of what a physical model has learned so far."""
    header = {
        "format": FORMAT,
        "version": VERSION,
        "displacements": list(model.config.displacements),
    }
    parameters = torch.from_numpy(model.learned.parameters)
    return write_tensors({"parameters": parameters}, json.dumps(header, sort_keys=True))


def physical_from_bytes(data: bytes, arm: HasRegressor) -> LinearTorque:
    """Return the torque of a physical model from bytes that may come from anywhere.

    Args:
        data: Of `physical_to_bytes`.
        arm: The arm as described, whose kinematics the model shares; it is kept.

    Raises:
        DataError: The bytes are no physical model of this arm.
    """
    if len(data) > MAX_BYTES:
        raise DataError(
            f"a physical model of more than {MAX_BYTES} bytes is none: check its sender"
        )
    try:
        header, _, _ = read_header(data)
        kind = header["format"], header["version"]
        if kind != (FORMAT, VERSION):
            raise DataError(f"it is {kind[0]!r} version {kind[1]!r}")
        displacements = tuple(float(d) for d in header["displacements"])
        parameters = load(data)["parameters"].double().numpy()
        torque = LinearTorque(arm, parameters, displacements)
    except Exception as error:  # bytes from anywhere raise anything
        raise DataError(
            f"the physical model is damaged or of another arm ({reason_of(error)}): it is not "
            "used; start contact_observer with the same robot"
        ) from error
    if not np.isfinite(parameters).all():
        raise DataError("the physical model is not finite: it is not used")
    return torque
