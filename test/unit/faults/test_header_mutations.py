# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
import math

import pytest

from faults.mutations.headers import (
    LONG,
    header_of,
    small_loss,
    small_model,
    with_header,
    wrong_headers,
)
from ml3_ros.core.losses.architectures import ARCHITECTURES, options_of
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.errors import DataError, LossFileError
from ml3_ros.learners.inverse_dynamics.net_file import ModelReader


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_whatever_its_header_holds_a_loss_is_rejected_in_a_sentence_or_works(architecture):
    data = small_loss(architecture)
    assert LearnedLoss.from_bytes(data)
    rejected = works = 0
    for what, header in wrong_headers(header_of(data)):
        try:
            loss = LearnedLoss.from_bytes(with_header(data, header), "it")
        except LossFileError as error:
            rejected += 1
            assert str(error).startswith("it"), what
            assert len(str(error)) < 1000, what
            str(error).encode()  # it can be sent
        else:
            works += 1
            assert math.isfinite(loss.value_at(1.0)), what
            assert LearnedLoss.from_bytes(loss.to_bytes()).spec == loss.spec, what
    assert rejected > 20 * works > 0


def test_whatever_its_header_holds_a_model_is_rejected_in_a_sentence_or_works():
    data, read = small_model(), ModelReader()
    read(data)
    rejected = 0
    for what, header in wrong_headers(header_of(data)):
        try:
            net, theta = read(with_header(data, header), "it")
        except DataError as error:
            rejected += 1
            assert str(error).startswith("it"), what
            str(error).encode()
        else:
            assert {k: p.shape for k, p in net.named_parameters()} == {
                k: p.shape for k, p in theta.items()
            }
    assert rejected > 400


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_option_is_made_wrong_in_every_way(architecture):
    header = header_of(small_loss(architecture))
    changed = [h["spec"]["options"] for what, h in wrong_headers(header) if "options." in what]
    for option in options_of(architecture):
        values = [options.get(option) for options in changed if option in options]
        assert any(v != v for v in values)
        assert any(isinstance(v, list) and v and v[0] != v[0] for v in values)
        assert any(isinstance(v, list) and len(v) == LONG for v in values)
        assert all(any(v is wrong for v in values) for wrong in (True, False, None))
        assert 2**2000 in values
        assert 10**400 in values


def test_every_field_of_a_model_is_made_wrong():
    header = header_of(small_model())
    names = {what.partition(":")[0] for what, _ in wrong_headers(header)}
    units = {f"units.{name}" for name in ("joint_names", "velocity", "acceleration", "effort")}
    others = {"format", "version", "nle", "inertia", "hidden", "activation", "units"}
    assert names == units | others
