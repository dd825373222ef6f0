# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A physical model travels as bytes, and bytes that are none are rejected."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from ml3_ros.core.tensor_files import write_tensors
from ml3_ros.errors import DataError
from ml3_ros.identification.live.model_file import physical_from_bytes, physical_to_bytes
from ml3_ros.identification.live.physical_model import PhysicalModel, PhysicalModelConfig
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot


@pytest.fixture(scope="module")
def model(sawyer):
    config = PhysicalModelConfig(fit="least_squares", displacements=(0.01,))
    model = PhysicalModel(PinocchioModel(sawyer), sawyer.home, config)
    rng = np.random.default_rng(0)
    model.learned.parameters[:] = rng.normal(size=len(model.learned.parameters))
    return model


def test_it_gives_the_same_torques_on_the_other_side(sawyer, model):
    here = model.feedforward()
    there = physical_from_bytes(physical_to_bytes(model), PinocchioModel(sawyer))
    rng = np.random.default_rng(1)
    for _ in range(5):  # with the memory of presliding states
        q, v, a = sawyer.home + 0.01 * rng.normal(size=7), *rng.normal(size=(2, 7))
        np.testing.assert_array_equal(there(q, v, a), here(q, v, a))


def test_bytes_that_are_no_model_of_this_arm_are_rejected(sawyer, model):
    data = physical_to_bytes(model)
    arm = PinocchioModel(sawyer)
    header = {"format": "ml3_physical_model", "version": 1, "displacements": [0.01]}

    def made(parameters, **changes):
        text = json.dumps(header | changes)
        return write_tensors({"parameters": torch.as_tensor(parameters)}, text)

    size = len(model.learned.parameters)
    for wrong in (
        b"",
        data[:40],
        b"x" * (2**20 + 1),
        made(np.ones(3)),
        made(np.ones(size), version=2),
        made(np.ones(size), displacements=[-1.0]),
        made(np.ones(size), displacements="no"),
        made(np.full(size, np.nan)),
    ):
        with pytest.raises(DataError):
            physical_from_bytes(wrong, arm)
    with pytest.raises(DataError, match="start contact_observer with the same robot"):
        physical_from_bytes(data, PinocchioModel(load_robot("reacher")))
