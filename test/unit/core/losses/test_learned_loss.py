# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Learned losses: equal in, equal out; joints, inputs and specifications are checked."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.core.losses.spec import InputSpec, LossSpec
from ml3_ros.core.tensor_files import MAX_HEADER
from ml3_ros.errors import ConfigError, LossFileError
from test.unit.core.losses.evaluation import evaluate
from test.unit.core.losses.loss_bytes import (
    MODEL,
    PROVENANCE,
    batch,
    file_of,
    header_of,
    value_of,
)

SCHEDULED = {
    "inner_optimizer": "scheduled_sgd",
    "momentum": 0.9,
    "roles": tuple(sorted(set(MODEL.roles().values()))),
    "knots": (0.0, 2.0),
}


@pytest.fixture(
    params=[("structured", {}), ("mlp", SCHEDULED), ("squared_error", {"momentum": 0.5})],
    ids=lambda param: param[0],
)
def any_loss(request, make_spec, random_phi):
    architecture, rule = request.param
    spec = make_spec(architecture, clip_norm=2.5, **rule)
    return LearnedLoss(spec=spec, phi=random_phi(spec), provenance=PROVENANCE)


def test_round_trip(any_loss, tmp_path):
    path = any_loss.save(tmp_path / "new" / "folder" / "loss.safetensors")
    loaded = LearnedLoss.load(path)
    assert loaded.spec == any_loss.spec
    assert loaded.provenance == any_loss.provenance
    assert loaded.spec.optimizer(MODEL) == any_loss.spec.optimizer(MODEL)
    prediction, observed = batch(any_loss)
    expected = value_of(any_loss, prediction, observed)
    assert torch.equal(value_of(loaded, prediction, observed), expected)
    assert set(loaded.phi) == set(any_loss.phi)
    assert loaded.to_bytes() == path.read_bytes() == any_loss.to_bytes()
    assert loaded.sha256() == any_loss.sha256()
    assert [p.name for p in path.parent.iterdir()] == ["loss.safetensors"]


def test_files_from_before_there_was_momentum_stay_as_they_are(loss):
    old = header_of(loss)
    assert "momentum" not in old["spec"]
    loaded = LearnedLoss.from_bytes(file_of(old, loss.phi))
    assert loaded.spec.momentum == 0.0
    assert header_of(loaded) == old
    with_momentum = replace(loss, spec=replace(loss.spec, momentum=0.9))
    assert header_of(with_momentum)["spec"] == {**old["spec"], "momentum": 0.9}


def test_equal_losses_are_equal_bytes_and_others_are_not(loss):
    shuffled = LearnedLoss(
        spec=replace(loss.spec, options=dict(reversed(loss.spec.options.items()))),
        phi={k: loss.phi[k].clone() for k in reversed(loss.phi)},
        provenance=dict(reversed(loss.provenance.items())),
    )
    assert shuffled.to_bytes() == loss.to_bytes()
    name = next(iter(loss.phi))
    others = [
        replace(loss, phi={**loss.phi, name: loss.phi[name] + 1e-6}),
        replace(loss, spec=replace(loss.spec, inner_lr=0.2)),
        replace(loss, provenance={**loss.provenance, "seed": 4}),
    ]
    assert len({x.sha256() for x in (loss, *others)}) == 4


def test_the_function_takes_values_in_their_own_units(loss):
    """Inputs are divided by their scales before the network sees them."""
    prediction, observed = batch(loss)
    network = loss.spec.network()
    scale = torch.tensor(loss.spec.target.scale)
    context = {c.name: observed[c.name] / torch.tensor(c.scale) for c in loss.spec.context}
    target = observed[loss.spec.target.name]
    expected = evaluate(network, loss.phi, prediction / scale, target / scale, context)
    torch.testing.assert_close(value_of(loss, prediction, observed), expected)


def test_a_loss_that_could_not_be_read_back_is_not_saved(loss, tmp_path):
    path = loss.save(tmp_path / "loss.safetensors")
    before = path.read_bytes()
    longer = replace(loss, provenance={"note": "x" * MAX_HEADER})
    with pytest.raises(
        LossFileError, match=rf"header would have \d+ bytes, more than the {MAX_HEADER}"
    ):
        longer.save(path)
    assert path.read_bytes() == before
    room = MAX_HEADER - len(before)
    longest = replace(loss, provenance={"note": "x" * room})
    assert LearnedLoss.load(longest.save(path)).provenance == longest.provenance
    spec = replace(loss.spec, options={"hidden": (4096, 1024)})
    large = replace(loss, spec=spec, phi=spec.init_phi(torch.Generator()))
    with pytest.raises(LossFileError, match="make its network smaller"):
        large.save(path)


def test_another_robots_loss_names_both_and_the_cure(loss):
    loss.check_labels(("j0", "j1"))
    for labels in (("j1", "j0"), ("j0",), ("shoulder", "elbow"), ()):
        with pytest.raises(LossFileError) as caught:
            loss.check_labels(labels)
        sentence = str(caught.value)
        assert "['j0', 'j1']" in sentence
        assert str(list(labels)) in sentence
        assert "ml3 train" in sentence


def test_joints_of_every_input_are_compared(loss):
    other = replace(loss.spec.context[0], labels=())
    mixed = replace(loss, spec=replace(loss.spec, context=(other,)))
    with pytest.raises(LossFileError, match=r"joints \[\], but"):
        mixed.check_labels(("j0", "j1"))


def test_missing_inputs_are_named(loss):
    loss.check_inputs(("x", "y", "z"))
    loss.check_inputs({"y": 1, "x": 2})
    for on_offer, missing in ((("y", "z"), "x"), (("x",), "y"), ((), "y, x")):
        with pytest.raises(LossFileError, match=f"needs {missing}, but"):
            loss.check_inputs(on_offer)


def test_specifications_are_checked_when_made():
    target = InputSpec(name="tau", unit="N m", scale=(1.0,))
    with pytest.raises(ConfigError, match=r"'tau'.*scale"):
        InputSpec(name="tau", unit="N m", scale=(0.0,))
    with pytest.raises(ConfigError, match=r"'tau'.*2 scales but 1 labels"):
        InputSpec(name="tau", unit="N m", scale=(1.0, 1.0), labels=("j0",))
    for wrong in ({"inner_lr": 0.0}, {"inner_optimizer": "x"}, {"clip_norm": -1.0}):
        with pytest.raises(ConfigError):
            LossSpec(architecture="mlp", target=target, **wrong)
    steps = {"roles": ("output.weight",), "knots": (0.0,)}
    for wrong in ({"inner_optimizer": "adam"}, {"inner_optimizer": "scheduled_adam", **steps}):
        with pytest.raises(ConfigError, match=r"momentum=0\.9: only 'sgd' and 'scheduled_sgd'"):
            LossSpec(architecture="mlp", target=target, momentum=0.9, **wrong)
    context = (InputSpec(name="v", unit="rad/s", scale=(1.0,)),)
    spec = LossSpec(architecture="structured", target=target, context=context, clip_norm=1.0)
    assert LossSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


@pytest.mark.parametrize("width", [1.5, True, 0, -1, 2**2000, float("nan"), "8"])
def test_invalid_widths_are_rejected(make_spec, width):
    with pytest.raises(ConfigError, match="width must be a whole number"):
        make_spec("structured", **SCHEDULED, width=width)
    assert make_spec("structured", **SCHEDULED, width=64).width == 64


@pytest.mark.parametrize(
    "knots",
    [(), (False, 1.0), (0.0, 1e-300), (0.0, 1e300), (0.0, 10**400), (0.0, "1"), 0.0, "", {}, None],
)
def test_invalid_knots_are_rejected(make_spec, knots):
    with pytest.raises(ConfigError, match="knots must increase from 0"):
        make_spec("structured", **{**SCHEDULED, "knots": knots})


def test_a_loss_is_tried_on_a_model_before_it_is_used(make_spec, random_phi):
    """Its value is finite, but the steps that it makes are not."""
    spec = make_spec("squared_error", inner_optimizer="scheduled_sgd", roles=("a",), knots=(0.0,))
    works = LearnedLoss(spec=spec, phi=random_phi(spec))
    assert LearnedLoss.from_bytes(works.to_bytes()).spec == spec
    spec = make_spec("mlp")
    phi = {k: 1e25 * p for k, p in random_phi(spec).items()}
    broken = LearnedLoss(spec=spec, phi=phi)
    with pytest.raises(LossFileError, match="a step of a model, that is not finite"):
        LearnedLoss.from_bytes(broken.to_bytes())
