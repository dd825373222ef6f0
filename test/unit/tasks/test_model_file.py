# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A trained model travels as bytes that describe themselves, and never as code."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from ml3_ros.core.tensor_files import HEADER_KEY, read_header
from ml3_ros.errors import DataError
from ml3_ros.learners.inverse_dynamics.net import InverseDynamicsNet, as_feedforward
from ml3_ros.learners.inverse_dynamics.net_file import MAX_BYTES, ModelReader, model_to_bytes
from ml3_ros.learners.inverse_dynamics.units import Units

UNITS = Units(joint_names=("a", "b"), velocity=(1, 2), acceleration=(2, 3), effort=(20, 1))


def a_model(**options):
    net = InverseDynamicsNet(UNITS, hidden=(8, 5), **options)
    return net, net.init(torch.Generator().manual_seed(1))


def header_of(data):
    return read_header(data)[0]


@pytest.mark.parametrize("inertia", ["full", "cholesky"])
@pytest.mark.parametrize("activation", ["tanh", "elu"])
def test_what_comes_back_predicts_the_same(inertia, activation):
    net, theta = a_model(inertia=inertia, activation=activation)
    state = np.random.default_rng(0).standard_normal((3, 4, 2))
    back = as_feedforward(*ModelReader()(model_to_bytes(net, theta)))
    batch = {k: torch.tensor(x, dtype=torch.float32) for k, x in zip("qva", state, strict=True)}
    np.testing.assert_allclose(back(*state), net.call(theta, batch).numpy(), rtol=1e-5, atol=1e-5)
    assert back(*state[:, 0]).shape == (2,)


def test_models_that_come_again_share_a_network_but_not_their_parameters():
    reader, (net, theta) = ModelReader(), a_model()
    newer = {name: p + 1.0 for name, p in theta.items()}
    one, first = reader(model_to_bytes(net, theta))
    other, second = reader(model_to_bytes(net, newer))
    assert one is other
    assert all(torch.equal(first[name] + 1.0, second[name]) for name in theta)
    deeper = InverseDynamicsNet(UNITS, hidden=(8,))
    data = model_to_bytes(deeper, deeper.init(torch.Generator().manual_seed(0)))
    assert reader(data)[0].hidden == (8,)


def test_other_bytes_than_a_model_are_rejected_in_a_sentence():
    net, theta = a_model()
    data = model_to_bytes(net, theta)
    header = header_of(data)

    def with_header(**changes):
        return save(load(data), {HEADER_KEY: json.dumps(header | changes)})

    units = UNITS.to_dict()
    for wrong, reason in (
        (data[:-10], "damaged"),
        (b"", "damaged"),
        (b"\x80\x04cos\nsystem\n(S'true'\ntR.", "damaged"),
        (save(load(data)), "damaged"),
        (with_header(version=2), "version 2"),
        (with_header(format="ml3_learned_loss"), "ml3_learned_loss"),
        (with_header(activation="eval"), "damaged"),
        (with_header(inertia="none"), "inertia 'none'"),
        (with_header(hidden=[8]), "do not fit"),
        (with_header(hidden=[8, 10**12]), "damaged"),
        (with_header(units=units | {"effort": [1.0]}), "effort"),
        (with_header(units=units | {"effort": [0.0, 1.0]}), "effort"),
        (model_to_bytes(net, theta | {"skip.weight_0": torch.full((8, 2), np.nan)}), "finite"),
        (save({k: p.double() for k, p in load(data).items()}, {HEADER_KEY: json.dumps(header)}),
         "float32"),
        (bytes(MAX_BYTES + 1), "larger than"),
    ):  # fmt: skip
        with pytest.raises(DataError, match=reason):
            ModelReader()(wrong)
