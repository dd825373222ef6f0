# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Digits: files are checked, images never leak, LeNet is torch's."""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest
import torch

from ml3_ros.core.inner_optimizers import Sgd
from ml3_ros.core.learner import Learner
from ml3_ros.core.losses.spec import InputSpec, LossSpec
from ml3_ros.core.outer.meta_gradient import meta_gradient
from ml3_ros.errors import ConfigError, DataError
from ml3_ros.experiments.digits.images import IMAGES_FILE, LABELS_FILE, load_images
from ml3_ros.experiments.digits.lenet import LeNet
from ml3_ros.experiments.digits.task import (
    DigitPairFamily,
    DigitPairs,
    accuracy,
    negative_log_likelihood,
)


@pytest.fixture(scope="module")
def images():
    return load_images()


def write_idx(path, array, *, code=8):
    head = bytes((0, 0, code, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape)
    content = head + array.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


@pytest.fixture
def mnist(tmp_path):
    """A folder with five images of each digit in MNIST's format, one file plain, one gzipped."""
    labels = np.arange(50) % 10
    pixels = np.random.default_rng(0).integers(0, 200, (50, 28, 28))
    pixels[:, 0, 0] = 5 * labels
    pixels[:, 0, 1] = 255
    write_idx(tmp_path / f"{IMAGES_FILE}.gz", pixels)
    write_idx(tmp_path / LABELS_FILE, labels)
    return tmp_path


def test_mnist_is_read_sorted_and_scaled(mnist):
    images = load_images(str(mnist), per_digit=5, held_out=1)
    assert images.pixels.shape == (10, 5, 28 * 28)
    assert (images.side, images.n_learn, images.n_validation) == (28, 3, 1)
    torch.testing.assert_close(
        images.pixels[:, :, 0], (torch.arange(10.0) * 5 / 255).unsqueeze(-1).expand(-1, 5)
    )
    assert (images.pixels[:, :, 1] == 1.0).all()


def test_missing_damaged_and_foreign_files_are_named(mnist, tmp_path_factory):
    empty = tmp_path_factory.mktemp("empty")
    with pytest.raises(DataError, match="there is no train-images"):
        load_images(str(empty))
    path = mnist / LABELS_FILE
    good = path.read_bytes()
    for content, message in (
        (good[:-1], "has 49 values where its head says"),
        (good + b"0", "has 51 values"),
        (b"\0\0\x0d\x01" + good[4:], "begins with 00000d01"),
        (good[:6], "begins with 00000801"),
        (b"", "begins with"),
        (good[:8] + b"\x0a" + good[9:], "has the label 10"),
    ):
        path.write_bytes(content)
        with pytest.raises(DataError, match=message):
            load_images(str(mnist), per_digit=5, held_out=1)
    path.write_bytes(good[:7] + b"\x31" + good[8:-1])  # 49 labels for 50 images
    with pytest.raises(DataError, match="do not belong together"):
        load_images(str(mnist), per_digit=4, held_out=1)
    packed = mnist / f"{IMAGES_FILE}.gz"
    packed.write_bytes(packed.read_bytes()[:-100])
    with pytest.raises(DataError, match="cannot be read"):
        load_images(str(mnist))


def test_too_few_images_are_rejected(mnist):
    with pytest.raises(DataError, match="5 images of the digit 0, not 6"):
        load_images(str(mnist), per_digit=6, held_out=1)
    with pytest.raises(DataError, match="held_out=3"):
        load_images(str(mnist), per_digit=5, held_out=3)


def test_sklearn_digits_are_split_alike_every_time(images):
    again = load_images()
    assert images.pixels.shape == (10, 174, 64)
    assert torch.equal(images.pixels, again.pixels)
    assert images.pixels.min() == 0.0
    assert images.pixels.max() == 1.0


def test_no_digit_of_the_training_pair_is_tested():
    drawn = set()
    for seed in range(20):
        pairs = DigitPairs.draw(torch.Generator().manual_seed(seed))
        drawn.add(pairs.train)
        for others in (pairs.test, pairs.validation):
            assert len(others) == 4
            digits = [digit for pair in others for digit in pair]
            assert sorted([*digits, *pairs.train]) == list(range(10))
        assert not {frozenset(p) for p in pairs.test} & {frozenset(p) for p in pairs.validation}
    assert len(drawn) > 10


def test_every_purpose_has_images_of_its_own(images):
    generator = torch.Generator().manual_seed(0)
    tasks, ages = torch.zeros(1, dtype=torch.int64), torch.zeros(1, dtype=torch.int64)
    net = LeNet(images.side)
    families = {
        name: DigitPairFamily(net, images, ((3, 7),), held_out=name, batch_size=500)
        for name in ("validation", "test")
    }
    seen = {
        "learn": families["test"].support(tasks, ages, generator),
        "query": families["validation"].query(tasks, ages, generator)[0],
        "validation": families["validation"].held_out(tasks),
        "test": families["test"].held_out(tasks),
    }
    rows = {name: {x.numpy().tobytes() for x in b["image"][0]} for name, b in seen.items()}
    assert len(rows["test"]) == len(rows["validation"]) == 80
    assert rows["query"] <= rows["validation"]
    for one, other in (("learn", "validation"), ("learn", "test"), ("validation", "test")):
        assert not rows[one] & rows[other]


def test_labels_belong_to_their_images(images):
    family = DigitPairFamily(LeNet(images.side), images, ((3, 7), (7, 3)), batch_size=20)
    batch = family.support(torch.tensor([0, 1]), torch.zeros(2), torch.Generator().manual_seed(0))
    assert batch["label"].sum(1).tolist() == [[10.0, 10.0], [10.0, 10.0]]
    of_seven = {x.numpy().tobytes() for x in images.pixels[7]}
    for task, column in ((0, 1), (1, 0)):
        for image, label in zip(batch["image"][task], batch["label"][task], strict=True):
            assert (image.numpy().tobytes() in of_seven) == bool(label[column])


def test_likelihood_and_accuracy():
    log_probabilities = torch.tensor([[0.8, 0.2], [0.4, 0.6]]).log()
    label = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    assert negative_log_likelihood(log_probabilities, label).item() == pytest.approx(0.569717)
    assert accuracy(log_probabilities, label).item() == 0.5


def torch_lenet(params, images, side):
    """One LeNet, with torch's own layers in the usual order."""
    kernel, padding = (5, 0) if side == 28 else (3, 1)
    assert params["weight_0"].shape == (6, 1, kernel, kernel)
    x = images.reshape(-1, 1, side, side)
    for i in (0, 1):
        x = torch.conv2d(x, params[f"weight_{i}"], params[f"bias_{i}"], padding=padding)
        x = torch.relu(torch.max_pool2d(x, 2))
    x = torch.relu(x.flatten(1) @ params["weight_2"] + params["bias_2"])
    return torch.log_softmax(x @ params["weight_3"] + params["bias_3"], -1)


@pytest.mark.parametrize("side", [8, 28])
def test_many_models_are_computed_as_each_alone(side):
    net = LeNet(side)
    generator = torch.Generator().manual_seed(0)
    params = net.init(generator, (2, 3))
    images = torch.rand(2, 3, 5, side * side, generator=generator)
    together = net.call(params, {"image": images})
    assert together.shape == (2, 3, 5, 2)
    for i in range(2):
        for j in range(3):
            one = {k: p[i, j] for k, p in params.items()}
            expected = torch_lenet(one, images[i, j], side)
            torch.testing.assert_close(together[i, j], expected)
            torch.testing.assert_close(net.call(one, {"image": images[i, j]}), expected)
    assert set(net.roles()) == set(params) == {name for name, _ in net.named_parameters()}


def test_images_that_do_not_fit_are_rejected(images):
    with pytest.raises(ConfigError, match="too small"):
        LeNet(3)
    with pytest.raises(ConfigError, match="for 28 pixels cannot read 8"):
        DigitPairFamily(LeNet(28), images, ((0, 1),))


def test_the_meta_gradient_is_the_true_one(images):
    """Derivative of the query likelihood with respect to phi, against a central difference."""
    net = LeNet(images.side).double()
    generator = torch.Generator().manual_seed(0)
    family = DigitPairFamily(net, images, ((0, 1),), batch_size=8, query_size=8)
    tasks = torch.zeros(1, dtype=torch.int64)
    theta = {k: p.double() for k, p in net.init(generator, (1,)).items()}
    batches = [
        {k: x.double() for k, x in family.support(tasks, tasks, generator).items()}
        for _ in range(2)
    ]
    query = {k: x.double() for k, x in family.query(tasks, tasks, generator)[0].items()}
    spec = LossSpec(
        architecture="monotone_cross_entropy",
        target=InputSpec(name="label", unit="nat", scale=(1.0, 1.0)),
        options={"knots": (0.0, 1.0)},
    )
    phi = {k: (p + 0.3).double() for k, p in spec.init_phi(generator).items()}

    def evaluate(phi):
        return meta_gradient(
            Learner(net, spec.loss(), Sgd(0.3)),
            theta,
            phi,
            batches,
            lambda theta: family.task_losses(theta, query, {})["task"],
            state={"count": torch.zeros(1, dtype=torch.float64)},
        )

    result = evaluate(phi)
    direction = {k: torch.randn(p.shape, generator=generator).double() for k, p in phi.items()}
    slope = sum((result.grads[k] * direction[k]).sum() for k in phi)
    ends = [
        evaluate({k: p + s * direction[k] for k, p in phi.items()}).outer_loss.item()
        for s in (1e-5, -1e-5)
    ]
    assert slope.item() == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-5)
    assert abs(slope.item()) > 1e-6
