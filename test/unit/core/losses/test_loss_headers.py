# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Headers and tensors of learned-loss files that are damaged or invalid are rejected."""

from __future__ import annotations

import contextlib
import json
import random

import pytest
import torch

from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.errors import LossFileError
from test.unit.core.losses.loss_bytes import (
    PROVENANCE,
    file_of,
    header_of,
    is_usable,
)


def test_truncated_files_are_rejected(loss):
    data = loss.to_bytes()
    lengths = {0, 1, 7, 8, 9, len(data) - 1, *range(0, len(data), 37)}
    for length in sorted(lengths):
        with pytest.raises(LossFileError, match=r"my file.*truncated"):
            LearnedLoss.from_bytes(data[:length], source="my file")


@pytest.mark.parametrize("architecture", ["structured", "mlp", "squared_error"])
def test_damaged_bytes_are_rejected_or_harmless(make_spec, random_phi, architecture):
    spec = make_spec(architecture)
    loss = LearnedLoss(spec=spec, phi=random_phi(spec), provenance=PROVENANCE)
    data = loss.to_bytes()
    length = 8 + int.from_bytes(data[:8], "little")
    rng = random.Random(0)
    rejected = 0
    for i in range(400):
        damaged = bytearray(data)
        # most damage goes into the header: that is what is interpreted
        end = length if i % 4 else len(data)
        for _ in range(rng.choice((1, 1, 1, 2, 8))):
            at = rng.randrange(end)
            printable = rng.choice(b'0123456789-.e"[]{},:tfnINa')
            damaged[at] = rng.choice((rng.randrange(256), printable, damaged[at] ^ 1))
        try:
            loaded = LearnedLoss.from_bytes(bytes(damaged))
        except LossFileError:
            rejected += 1
        else:
            assert is_usable(loaded)
    assert rejected > 100


INPUT = {"name": "x", "unit": "rad", "scale": [1.0, 3.0], "labels": ["j0", "j1"]}


def changes(**fields):
    return lambda header: {**header, **fields}


def spec_changes(**fields):
    return lambda header: {**header, "spec": {**header["spec"], **fields}}


def target_changes(**fields):
    def change(header):
        target = {**header["spec"]["target"], **fields}
        return {**header, "spec": {**header["spec"], "target": target}}

    return change


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (changes(version=2), "version 2.*retrain"),
        (changes(version="1"), "version.*retrain"),
        (changes(format="other"), "other.*reads ml3_learned_loss"),
        (changes(provenance=3), "damaged header"),
        (changes(spec=[]), "damaged header"),
        (changes(spec={}), "damaged header"),
        (lambda header: [header], "not a learned loss"),
        (lambda header: "just text", "not a learned loss"),
        (lambda header: {"format": header["format"]}, "not a learned loss"),
        (spec_changes(architecture="transformer"), "transformer"),
        (spec_changes(architecture=["mlp"]), "damaged header"),
        (spec_changes(options={"depth": 3}), "damaged header"),
        (spec_changes(options={"hidden": [10**15]}), "layer sizes"),
        (spec_changes(options={"hidden": [10**400]}), "layer sizes"),
        (spec_changes(options={"hidden": [4097, 4096]}), "layer sizes"),
        (spec_changes(options={"hidden": [-4]}), "layer sizes"),
        (spec_changes(options={"hidden": [4.0]}), "damaged header"),
        (spec_changes(options={"hidden": 4}), "damaged header"),
        (spec_changes(options={"hidden": [5]}), "do not fit the architecture"),
        (spec_changes(options=None), "damaged header"),
        (spec_changes(context=[]), "damaged header"),
        (spec_changes(context=None), "damaged header"),
        (spec_changes(inner_optimizer="rmsprop"), "rmsprop"),
        (spec_changes(inner_optimizer=None), "None"),
        (spec_changes(inner_lr=0.0), "inner_lr"),
        (spec_changes(inner_lr=-1.0), "inner_lr"),
        (spec_changes(inner_lr=float("nan")), "inner_lr"),
        (spec_changes(inner_lr=float("inf")), "inner_lr"),
        (spec_changes(inner_lr="0.1"), "damaged header"),
        (spec_changes(inner_lr=10**400), "inner_lr"),
        (spec_changes(clip_norm=-1.0), "clip_norm"),
        (spec_changes(clip_norm="big"), "damaged header"),
        (spec_changes(momentum=1.0), "momentum"),
        (spec_changes(momentum=-0.5), "momentum"),
        (spec_changes(momentum=float("nan")), "momentum"),
        (spec_changes(momentum=10**400), "momentum"),
        (spec_changes(momentum="0.9"), "damaged header"),
        (spec_changes(momentum=None), "damaged header"),
        (spec_changes(inner_optimizer="adam", momentum=0.9), "momentum=0.9.*only 'sgd'"),
        (spec_changes(surprise=1), "surprise"),
        (target_changes(scale=[2.0, 0.0]), "scale"),
        (target_changes(scale=[2.0, -1.0]), "scale"),
        (target_changes(scale=[2.0, float("nan")]), "scale"),
        (target_changes(scale=[2.0, 1e-320]), "scale"),
        (target_changes(scale=[2.0, 10**400]), "scale"),
        (target_changes(scale=[2.0, "0.5"]), "damaged header"),
        (target_changes(scale=[2.0, [0.5]]), "damaged header"),
        (target_changes(scale=[]), "scale"),
        (target_changes(scale=[1.0]), "labels"),
        (target_changes(scale=[1.0] * 10**4, labels=[]), "scale.*at most 4096"),
        (target_changes(scale=[1.0] * 10**6, labels=[]), "header has"),
        (spec_changes(options={"hidden": [float("nan")]}), "layer sizes"),
        (spec_changes(options={"hidden": [True]}), "layer sizes"),
        (spec_changes(options={"hidden": ""}), "hidden must be a list"),
        (spec_changes(options={"hidden": {}}), "hidden must be a list"),
        (spec_changes(options={"\ud800": 1}), "no option"),
        (spec_changes(inner_lr=True), "inner_lr"),
        (spec_changes(inner_lr=1e30), "inner_lr"),
        (spec_changes(clip_norm=True), "clip_norm"),
        (spec_changes(momentum=False), "momentum"),
        (spec_changes(knots=[0.0]), "knots"),
        (spec_changes(context=[dict(INPUT), dict(INPUT)]), "names of their own"),
        (spec_changes(context=[{**INPUT, "name": "y"}]), "not the target's"),
        (spec_changes(context=[INPUT] * 10**3), "at most 64 inputs"),
        (
            spec_changes(context=[{**INPUT, "scale": [1.0] * 3, "labels": ["j0", "j1", "j2"]}]),
            "label both alike",
        ),
        (spec_changes(context=[{**INPUT, "labels": ["j1", "j0"]}]), "label both alike"),
        (target_changes(labels=["j0"]), "labels"),
        (target_changes(labels=["j0", "j0"]), "labels must differ"),
        (target_changes(labels=["j0", "\ud800"]), "line of text"),
        (target_changes(name="y" * 10**4), "line of text"),
        (target_changes(name=None), "damaged header"),
        (target_changes(name=["y"]), "damaged header"),
        (target_changes(labels=[1, 2]), "damaged header"),
    ],
)
def test_headers_that_lie_are_rejected(loss, change, sentence):
    with pytest.raises(LossFileError, match=sentence):
        LearnedLoss.from_bytes(file_of(change(header_of(loss)), loss.phi))


@pytest.mark.parametrize(
    ("name", "values"), [("bound", ("x", None, [1.0], 0.0, float("nan"), 10**400))]
)
def test_invalid_options_are_rejected(make_spec, random_phi, name, values):
    spec = make_spec("structured")
    phi = spec.network().init(torch.Generator())
    header = header_of(LearnedLoss(spec=spec, phi=phi))
    for value in values:
        options = {**header["spec"]["options"], name: value}
        changed = {**header, "spec": {**header["spec"], "options": options}}
        with pytest.raises(LossFileError):
            LearnedLoss.from_bytes(file_of(changed, phi))


def test_invalid_gain_weights_are_rejected(make_spec):
    spec = make_spec("desired_action", options={"hidden": (4,), "gain_weight": 0.5})
    loss = LearnedLoss(spec=spec, phi=spec.network().init(torch.Generator()))
    header = header_of(loss)
    assert is_usable(LearnedLoss.from_bytes(file_of(header, loss.phi)))
    for value in ("x", None, [1.0], -1.0, float("nan"), 10**400):
        header["spec"]["options"]["gain_weight"] = value
        with pytest.raises(LossFileError):
            LearnedLoss.from_bytes(file_of(header, loss.phi))


def test_a_loss_that_is_nowhere_finite_is_rejected(make_spec):
    spec = make_spec("mlp")
    phi = {k: torch.full_like(p, 3e38) for k, p in spec.network().init(torch.Generator()).items()}
    with pytest.raises(LossFileError, match="value"):
        LearnedLoss.from_bytes(file_of(header_of(LearnedLoss(spec=spec, phi=phi)), phi))


def test_deeply_nested_headers_are_rejected(loss):
    header = header_of(loss)
    for depth in (300, 900, 5000, 100_000):
        nested = json.dumps(header).replace('"seed": 3', '"seed": ' + "[" * depth + "]" * depth)
        with contextlib.suppress(LossFileError):
            assert is_usable(LearnedLoss.from_bytes(file_of(nested, loss.phi)))
        nested = json.dumps(header).replace("[4]", "[" * depth + "4" + "]" * depth)
        with pytest.raises(LossFileError):
            LearnedLoss.from_bytes(file_of(nested, loss.phi))
    text = b"[" * 100_000
    with pytest.raises(LossFileError):
        LearnedLoss.from_bytes(len(text).to_bytes(8, "little") + text)


def test_tensors_that_do_not_fit_are_rejected(loss):
    header = header_of(loss)
    name = next(iter(loss.phi))
    p = loss.phi[name]
    unfit = [
        {k: x for k, x in loss.phi.items() if k != name},
        {**loss.phi, "surprise": p.clone()},
        {**loss.phi, name: p.flatten()},
        {**loss.phi, name: p.mT.contiguous()},
        {**loss.phi, name: p.unsqueeze(0)},
        {},
    ]
    for phi in unfit:
        with pytest.raises(LossFileError, match="do not fit the architecture 'structured'"):
            LearnedLoss.from_bytes(file_of(header, phi))
    for dtype in (torch.float64, torch.int32, torch.float16, torch.bool):
        with pytest.raises(LossFileError, match="float32"):
            LearnedLoss.from_bytes(file_of(header, {**loss.phi, name: p.to(dtype)}))
    for value in (float("nan"), float("inf"), -float("inf")):
        broken = {**loss.phi, name: torch.full_like(p, value)}
        with pytest.raises(LossFileError, match="NaN or infinite"):
            LearnedLoss.from_bytes(file_of(header, broken))
