# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The network that predicts torques: what it is made of, and that units do not leak."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from ml3_ros.learners.inverse_dynamics.net import InverseDynamicsNet
from ml3_ros.learners.inverse_dynamics.units import Units

N = 3
UNITS = Units(
    joint_names=("j0", "j1", "j2"),
    velocity=(1.0, 2.0, 0.5),
    acceleration=(3.0, 4.0, 8.0),
    effort=(50.0, 5.0, 0.5),
)
FORMS = [(nle, inertia) for nle in ("given", "learned") for inertia in ("full", "cholesky")]


def network(nle="learned", inertia="full", **rest):
    return InverseDynamicsNet(UNITS, nle=nle, inertia=inertia, hidden=(8,), **rest)


def random_theta(net, lead=(), size=1.0):
    generator = torch.Generator().manual_seed(0)
    theta = net.init(generator, lead)
    return {k: p + size * torch.randn(p.shape, generator=generator) for k, p in theta.items()}


def states(*lead):
    generator = torch.Generator().manual_seed(1)
    q, v, a = torch.randn(3, *lead, 5, N, generator=generator)
    return {"q": 2.0 * q, "v": v, "a": 4.0 * a}


@pytest.mark.parametrize(("nle", "inertia"), FORMS)
@pytest.mark.parametrize("lead", [(2,), (2, 3)])
def test_many_models_equal_one_by_one(float64, nle, inertia, lead):
    net = network(nle, inertia)
    theta, batch = random_theta(net, lead), states(*lead)
    together = net.call(theta, batch)
    assert together.shape == (*lead, 5, N)
    at = (1,) * len(lead)
    own, observed = ({k: x[at] for k, x in part.items()} for part in (theta, batch))
    torch.testing.assert_close(together[at], net.call(own, observed))
    torch.testing.assert_close(net.inertia(theta, batch["q"])[at], net.inertia(own, observed["q"]))
    single = {k: x[2:3] for k, x in observed.items()}
    torch.testing.assert_close(together[at][2:3], net.call(own, single))


@pytest.mark.parametrize(("nle", "inertia"), FORMS)
def test_torque_is_inertia_times_acceleration_plus_f(float64, nle, inertia):
    net = network(nle, inertia)
    theta, batch = random_theta(net), states()
    expected = (net.inertia(theta, batch["q"]) @ batch["a"].unsqueeze(-1)).squeeze(-1)
    if nle == "learned":
        expected = expected + net.nle(theta, batch["q"], batch["v"])
    torch.testing.assert_close(net.call(theta, batch), expected)
    assert net.target == ("tau" if nle == "learned" else "tau_inertial")


@pytest.mark.parametrize("size", [0.1, 1.0, 3.0])
def test_cholesky_inertia_is_symmetric_and_positive_definite(float64, size):
    net = network(inertia="cholesky", output_scale=1.0)
    q = torch.linspace(-4.0, 4.0, 60).reshape(20, N)
    matrix = net.inertia(random_theta(net, size=size), q)
    torch.testing.assert_close(matrix, matrix.mT)
    assert torch.all(torch.linalg.eigvalsh(matrix) > 0.0)
    free = network(inertia="full").inertia(random_theta(network(inertia="full"), size=size), q)
    assert not torch.allclose(free, free.mT)


def test_inertia_depends_on_the_pose_alone_and_is_periodic(float64):
    net = network()
    theta, batch = random_theta(net), states()
    matrix = net.inertia(theta, batch["q"])
    torch.testing.assert_close(net.inertia(theta, batch["q"] + 2.0 * torch.pi), matrix)
    assert not torch.allclose(matrix[0], matrix[1])
    faster = {**batch, "v": 2.0 * batch["v"]}
    assert torch.allclose(
        network("given").call(random_theta(network("given")), faster),
        network("given").call(random_theta(network("given")), batch),
    )
    assert not torch.allclose(net.call(theta, faster), net.call(theta, batch))


def test_offset_makes_f_start_at_a_torque(float64):
    net = network(output_scale=0.0)
    tau = torch.tensor([[-40.0, 3.0, 0.2], [10.0, -2.0, 0.1]])
    theta = net.with_offset(net.init(torch.Generator().manual_seed(0), (2,)), tau)
    batch = states(2)
    torch.testing.assert_close(
        net.nle(theta, batch["q"], batch["v"]), tau.unsqueeze(1).expand(-1, 5, -1)
    )
    given = network("given")
    theta = given.init(torch.Generator().manual_seed(0), (2,))
    assert given.with_offset(theta, tau) is theta


def test_offset_reads_its_argument_only():
    net = network()
    theta = net.init(torch.Generator().manual_seed(0))
    before = {k: p.clone() for k, p in theta.items()}
    changed = net.with_offset(theta, torch.ones(N))
    assert sum(not torch.equal(p, changed[k]) for k, p in theta.items()) == 1
    assert all(torch.equal(p, before[k]) for k, p in theta.items())


@pytest.mark.parametrize(("nle", "inertia"), FORMS)
def test_predictions_start_small_against_the_units(nle, inertia):
    net = network(nle, inertia)
    batch = states()
    theta = net.init(torch.Generator().manual_seed(0))
    if inertia == "full":
        assert torch.all(net.call(theta, batch).abs() < 2.0 * torch.tensor(UNITS.effort))


@pytest.mark.parametrize(("nle", "inertia"), FORMS)
def test_inside_everything_is_in_the_robots_units(float64, nle, inertia):
    """Newton metres or millinewton metres, rad/s or deg/s: the same network does the same."""
    small = replace(UNITS, effort=tuple(1e3 * x for x in UNITS.effort))
    net, other = (
        network(nle, inertia),
        InverseDynamicsNet(small, nle=nle, inertia=inertia, hidden=(8,)),
    )
    theta, batch = random_theta(net), states()
    torch.testing.assert_close(other.call(theta, batch), 1e3 * net.call(theta, batch))
    faster = replace(UNITS, acceleration=tuple(10.0 * x for x in UNITS.acceleration))
    other = InverseDynamicsNet(faster, nle=nle, inertia=inertia, hidden=(8,))
    scaled = {**batch, "a": 10.0 * batch["a"]}
    torch.testing.assert_close(other.call(theta, scaled), net.call(theta, batch))


def test_scaled_inertia_maps_scaled_accelerations_to_scaled_torques(float64):
    matrix = torch.randn(4, N, N)
    a = torch.randn(4, N)
    effort, acceleration = torch.tensor(UNITS.effort), torch.tensor(UNITS.acceleration)
    tau = (matrix @ a.unsqueeze(-1)).squeeze(-1)
    scaled = network().scale_inertia(matrix)
    torch.testing.assert_close(
        (scaled @ (a / acceleration).unsqueeze(-1)).squeeze(-1), tau / effort
    )


@pytest.mark.parametrize(("nle", "inertia"), FORMS)
def test_parameters_have_one_set_of_names(nle, inertia):
    net = network(nle, inertia)
    theta = net.init(torch.Generator().manual_seed(0))
    assert {k: p.shape for k, p in theta.items()} == {
        k: p.shape for k, p in net.named_parameters()
    }
    net.load_state_dict(theta)
    assert torch.equal(net(states()), net.call(theta, states()))
