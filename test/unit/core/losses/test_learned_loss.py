"""Learned-loss files: equal in, equal out; nothing that comes from outside is trusted."""

from __future__ import annotations

import contextlib
import json
import random
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save as save_tensors

from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.core.losses.spec import InputSpec, LossSpec
from ml3_ros.core.networks import Mlp
from ml3_ros.core.tensor_files import MAX_HEADER, read_header
from ml3_ros.errors import ConfigError, LossFileError
from test.unit.core.losses.evaluation import evaluate

MODEL = Mlp((2, 3, 1))  # what a rule steps
PROVENANCE = {"task_family": "inverse_dynamics", "robot": "sawyer", "seed": 3, "metrics": [0.5]}


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
