# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""GrBAL and ReBAL: models that adapt to the last transitions, and plans that they are used for."""

from __future__ import annotations

import pytest
import torch

from ml3_ros.errors import ConfigError
from ml3_ros.metarl.learning.mppi import Mppi
from ml3_ros.metarl.learning.online_models import PAST, PlanningAgent, improve
from ml3_ros.metarl.learning.ppo import PpoConfig
from ml3_ros.metarl.learning.trials import run_trials
from ml3_ros.metarl.methods.grbal import GradientModel, Grbal
from ml3_ros.metarl.methods.method import Budget
from ml3_ros.metarl.methods.rebal import Rebal, RecurrentModel
from ml3_ros.metarl.worlds.point import PointWorld

KINDS = [GradientModel, RecurrentModel]
PPO = PpoConfig(n_trials=16, lr=1e-3, discount=0.95)


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def source(seed=0):
    return torch.Generator().manual_seed(seed)


def gains(n, m=32):
    """Return transitions (n, m, 7) of points whose motors have gains that nobody tells."""
    gain = 0.2 * torch.rand(n, 1, 1)
    before, action = torch.randn(n, m, 2), 2.0 * torch.rand(n, m, 2) - 1.0
    after = before + gain * action
    return torch.cat([before, action, -after.norm(dim=-1, keepdim=True), after], -1)


def test_plans_go_where_a_known_model_pays():
    goal = torch.tensor([[[0.6, -0.3]], [[-0.5, 0.5]]])
    planner, state = Mppi(2, source(), horizon=5), torch.zeros(2, 2)
    planner.begin(2)

    def model(state, action):
        after = state + 0.1 * action
        return after, -(after - goal).norm(dim=-1)

    for _ in range(15):
        action = planner.act(state, model)
        assert action.abs().max() <= 1.0
        state = state + 0.1 * action
    assert (state - goal.squeeze(1)).norm(dim=-1).max() < 0.1


def test_plans_look_ahead_as_far_as_their_horizon():
    def late(state, action):  # a first action to the left pays nothing until the third step
        side = torch.where(state[..., 1:] == 0.0, action, state[..., :1])
        time = state[..., 1:] + 1.0
        return torch.cat([side, time], -1), -side[..., 0] * (time[..., 0] == 3.0)

    found = {}
    for horizon in (2, 3):
        planner = Mppi(1, source(), horizon=horizon)
        planner.begin(200)
        found[horizon] = float(planner.act(torch.zeros(200, 2), late).mean())
    assert abs(found[2]) < 0.05
    assert found[3] < -0.3


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_adapts_to_its_own_past_alone(kind):
    model, past = kind(PointWorld(), source()), gains(3, 8)
    inputs = torch.randn(3, 5, 4)
    other = past.clone()
    other[0] += 0.5
    found = [model.outputs(model.adapted(p), inputs) for p in (past, other)]
    changed = [(a - b).abs().max().item() > 1e-4 for a, b in zip(*found, strict=True)]
    assert changed == [True, False, False]
    alone = model.outputs(model.adapted(past[1:2]), inputs[1:2])
    assert torch.allclose(alone[0], found[0][1], atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_past_all_copies_are_alike(kind):
    model, inputs = kind(PointWorld(), source()), torch.randn(1, 5, 4).expand(3, -1, -1)
    found = model.outputs(model.adapted(torch.zeros(3, 0, 7)), inputs)
    assert torch.equal(found[0], found[1])


@pytest.mark.parametrize("kind", KINDS)
def test_derivatives_through_adapting_are_those_of_finite_differences(kind):
    model = kind(PointWorld(), source()).double()
    windows = gains(4).double()
    for name, p in model.named_parameters():
        if not p.requires_grad:
            continue

        def later():
            adapted = model.adapted(windows[:, :8], create_graph=True)
            return model.errors(adapted, windows[:, 8:]).mean()

        (slope,) = torch.autograd.grad(later(), p)
        ends = []
        for sign in (1.0, -1.0):
            with torch.no_grad():
                p.view(-1)[0] += sign * 1e-5
            ends.append(float(later().detach()))
            with torch.no_grad():
                p.view(-1)[0] -= sign * 1e-5
        expected = (ends[0] - ends[1]) / 2e-5
        assert float(slope.view(-1)[0]) == pytest.approx(expected, rel=1e-3, abs=1e-8), name


@pytest.mark.parametrize(("kind", "n_steps"), [(GradientModel, 100), (RecurrentModel, 200)])
def test_models_learn_to_adapt(kind, n_steps):
    model, kept, generator = kind(PointWorld(), source()), gains(200), source()
    model.fit_scales(kept)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(n_steps):
        improve(model, optimizer, kept, generator)
    new = gains(100)
    with torch.no_grad():
        errors = [
            float(model.errors(model.adapted(new[:, :m]), new[:, PAST:]).mean()) for m in (0, PAST)
        ]
    assert errors[1] < 0.85 * errors[0]


def test_what_is_predicted_is_in_units_of_the_world():
    model, kept = GradientModel(PointWorld(), source()), gains(50)
    model.fit_scales(kept)
    before, action, reward, after = kept.split(model.sizes, -1)
    adapted = model.adapted(torch.zeros(50, 0, 7))
    state, paid = model.step(adapted, before, action)
    error = (torch.cat([state - after, paid.unsqueeze(-1) - reward], -1) / model.scale).abs()
    expected = torch.where(error < 1.0, 0.5 * error.square(), error - 0.5).mean((1, 2))
    assert torch.allclose(expected, model.errors(adapted, kept), atol=1e-4)
    changes = torch.cat([after - before, reward], -1).flatten(0, 1)
    assert torch.allclose(model.scale, changes.std(0), atol=1e-3)


def test_an_agent_adapts_to_the_last_transitions_within_episodes():
    world, generator = PointWorld(), source()
    model = RecurrentModel(world, generator)
    pasts, adapted = [], model.adapted

    def seen(past, **words):
        pasts.append(past)
        return adapted(past, **words)

    model.adapted = seen
    agent = PlanningAgent(model, Mppi(2, generator, n_samples=4, horizon=2))
    trials = run_trials(world, agent, world.draw(3, generator), generator)
    # an episode's last action is not seen: nothing follows it
    steps = [*range(20), *range(19, 39)]
    assert [p.shape[1] for p in pasts] == [min(n, PAST) for n in steps]
    now, action, reward, after = pasts[-1][:, -1].split(model.sizes, -1)
    assert torch.equal(now, trials.seen.observation[38])
    assert torch.equal(action, trials.actions[38])
    assert torch.equal(reward[:, 0], trials.rewards[38])
    assert torch.equal(after, trials.seen.observation[39])


@pytest.mark.parametrize("method", [Grbal(), Rebal()])
def test_the_same_seed_learns_the_same_and_indices_are_refused(method):
    world, found = PointWorld(), []
    for _ in range(2):
        agent = method(world, Budget(steps=1, seed=0, ppo=PPO))
        found.append(run_trials(world, agent, world.draw(4, source(9)), source(9)).rewards)
    assert torch.equal(*found)
    world.discrete = True
    with pytest.raises(ConfigError, match="continuous actions"):
        method(world, Budget(steps=1, seed=0))


@pytest.mark.slow
@pytest.mark.parametrize("method", [Grbal(), Rebal()])
def test_plans_go_to_goals_that_rewards_tell(method):
    world = PointWorld()
    before, after = (
        run_trials(
            world,
            method(world, Budget(steps=steps, seed=0, ppo=PPO)),
            world.draw(50, source(9)),
            source(9),
        ).rewards.mean()
        for steps in (1, 20_000)
    )
    assert after > before + 0.12
