# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Learned-loss files made from changed headers, and whether a loss works."""

from __future__ import annotations

import json

import torch
from safetensors.torch import save as save_tensors

from ml3_ros.core.networks import Mlp
from ml3_ros.core.tensor_files import read_header

MODEL = Mlp((2, 3, 1))  # what a rule steps
PROVENANCE = {"task_family": "inverse_dynamics", "robot": "sawyer", "seed": 3, "metrics": [0.5]}


def header_of(loss):
    """Return the header that `to_bytes` writes, as an object to be changed."""
    return read_header(loss.to_bytes())[0]


def file_of(header, phi):
    """Return a file with this header, an object or a text."""
    text = header if isinstance(header, str) else json.dumps(header)
    return save_tensors(dict(phi), {"ml3": text})


def batch(loss, n_samples=4, seed=0):
    """Return a prediction and a batch with all inputs of the loss."""
    generator = torch.Generator().manual_seed(seed)
    spec = loss.spec

    def draw(name):
        return torch.randn(n_samples, len(name.scale), generator=generator)

    return draw(spec.target), {x.name: draw(x) for x in (spec.target, *spec.context)}


def value_of(loss, prediction, observed):
    """Return the loss value of a model that predicts `prediction`."""
    function = loss.spec.loss()
    return function.evaluate(loss.phi, lambda batch: prediction, observed, torch.zeros(()))


def is_usable(loss):
    """Whether the loss does what a loss does: give a number, and a step."""
    prediction, observed = batch(loss)
    value = value_of(loss, prediction, observed)
    rule = loss.spec.optimizer(MODEL)
    theta = dict(MODEL.named_parameters())
    stepped, _ = rule.step(theta, theta, rule.init(theta), loss.phi)
    loss.to_bytes()
    return bool(torch.isfinite(value)) and bool(all(p.isfinite().all() for p in stepped.values()))
