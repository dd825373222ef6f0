# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The greedy action of a loss: within limits, at the fixed point of descent, and trained on it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from ml3_ros.core.engine.engine import Engine
from ml3_ros.core.inner_loop import adapt
from ml3_ros.core.inner_optimizers import Adam
from ml3_ros.core.learner import Learner
from ml3_ros.core.losses.spec import InputSpec, LossSpec
from ml3_ros.core.outer.config import MetaTrainConfig
from ml3_ros.core.outer.trainer import MetaTrainer
from ml3_ros.errors import ConfigError
from ml3_ros.experiments.demonstrations.task import DemonstrationFamily, Demonstrations
from ml3_ros.learners.reaching.policy import Policy
from ml3_ros.tasks.reaching.dynamics import Dynamics
from ml3_ros.tasks.reaching.family import ReachingFamily
from ml3_ros.tasks.reaching.greedy import GreedyPolicy
from ml3_ros.tasks.reaching.worlds import PointMass

LIMITS = (2.0, 0.5)
WORLD = PointMass(
    horizon=6,
    period=0.3,
    limits=LIMITS,
    inputs=(
        InputSpec(name="error", unit="m", scale=(0.5, 2.0)),
        InputSpec(name="velocity", unit="m/s", scale=(1.0, 3.0)),
    ),
)
GOALS = torch.tensor([[0.5, 0.0], [0.0, 0.4], [0.3, 0.3]])


def spec_of(architecture="desired_action", **rest):
    options = {"hidden": (16,), "step_hidden": (8,), **rest.pop("options", {})}
    return LossSpec(
        architecture=architecture,
        target=InputSpec(name="action", unit="N", scale=LIMITS),
        context=WORLD.inputs,
        options=options,
        **{"inner_lr": 0.3, **rest},
    )


def family_of(world=WORLD, **rest):
    policy = Policy(world, (8,), scales=((1.0,) * 4, (1.0, 1.0)))
    return ReachingFamily(policy, GOALS, n_episodes=2, **rest)


@pytest.fixture
def places():
    generator = torch.Generator().manual_seed(0)
    state = torch.randn(60, 4, generator=generator)
    return {"state": state, "goal": torch.randn(60, 2, generator=generator)}


@pytest.fixture
def phi():
    """Parameters of a loss with another greedy action in each state, some of them too large."""
    generator = torch.Generator().manual_seed(1)
    fresh = spec_of().init_phi(generator)
    large = 30.0 * fresh["net.weight_1"]  # else all actions are near zero
    return {**fresh, "net.weight_1": large}


def test_it_takes_the_greedy_action_within_the_limits(phi, places):
    """Against the loss itself: it is zero where the policy takes the greedy action."""
    spec = spec_of(options={"reach": 0.95})
    actions = GreedyPolicy(WORLD, spec.network()).call(phi, places)
    seen = {**places, **WORLD.observe(places["state"], places["goal"]), "action": actions}
    value = spec.loss().evaluate
    assert float(value(phi, lambda batch: actions, seen, torch.zeros(()))) < 1e-10
    assert float(value(phi, lambda batch: 0.9 * actions, seen, torch.zeros(()))) > 1e-4
    assert actions.std(0).min() > 0.05


def far(phi):
    """Return a loss whose greedy action is beyond the limits everywhere, with both signs."""
    return {**phi, "net.bias_1": torch.tensor([99.0, -99.0, 0.0, 0.0])}


def test_at_the_limits_the_gradient_goes_on(phi, places):
    network = spec_of().network()
    greedy = GreedyPolicy(WORLD, network)
    actions = greedy.call(far(phi), places)
    torch.testing.assert_close(actions, torch.tensor([[2.0, -0.5]]).expand(60, 2))
    learned = {k: p.requires_grad_() for k, p in phi.items() if k.startswith("net")}
    actions = greedy.call({**phi, **learned}, places)
    assert (actions.abs() <= torch.tensor(LIMITS) * (1.0 + 1e-6)).all()
    observed = WORLD.observe(places["state"], places["goal"])
    x = torch.cat([observed[i.name] / torch.tensor(i.scale) for i in WORLD.inputs], -1)
    free = torch.tensor(LIMITS) * network.desired({**phi, **learned}, x)
    beyond = free.abs() > torch.tensor(LIMITS)
    assert 0 < int(beyond.sum()) < beyond.numel()
    found = torch.autograd.grad(actions[beyond].sum(), list(learned.values()))
    expected = torch.autograd.grad(free[beyond].sum(), list(learned.values()))
    for g, h in zip(found, expected, strict=True):
        torch.testing.assert_close(g, h)
    assert found[0].abs().max() > 0.01


@pytest.mark.parametrize("gain_weight", [0.0, 1.0])
def test_descent_on_the_loss_ends_there(phi, places, gain_weight):
    """A policy that was trained long does nearly as it."""
    spec = spec_of(options={"reach": 0.9, "gain_weight": gain_weight})
    policy = Policy(WORLD, (32,), scales=((1.0,) * 4, (1.0, 1.0)), observant=True)
    generator = torch.Generator().manual_seed(3)
    batch = {**places, **WORLD.observe(places["state"], places["goal"])}
    batch["action"] = torch.zeros(60, 2)  # whatever was done
    theta = policy.init(generator)
    learner = Learner(policy, spec.loss(), Adam(0.02))
    trained = adapt(learner, theta, phi, [batch] * 600).theta
    aim = GreedyPolicy(WORLD, spec.network()).call(phi, places)

    def error(theta):
        return float(((policy.call(theta, batch) - aim) / torch.tensor(LIMITS)).square().mean())

    assert error(trained) < 0.02 * error(theta)


def test_an_episode_is_one_of_the_world(phi):
    greedy = GreedyPolicy(WORLD, spec_of().network())
    start, goal = torch.zeros(3, 4), GOALS
    states, actions = greedy.rollout(phi, start, goal)
    assert states.shape == (3, 7, 4) and actions.shape == (3, 6, 2)
    for t in range(6):
        now = {"state": states[:, t], "goal": goal}
        torch.testing.assert_close(actions[:, t], greedy.call(phi, now))
        torch.testing.assert_close(states[:, t + 1], WORLD.step(states[:, t], actions[:, t]))


def test_the_fixed_point_of_reaching_is_the_task_loss_of_the_greedy_action(phi):
    family, greedy = family_of(), GreedyPolicy(WORLD, spec_of().network())
    tasks = torch.tensor([2, 0])
    batch, extra = family.query(tasks, tasks, torch.Generator().manual_seed(0))
    losses = {k: p.unsqueeze(0) for k, p in phi.items()}  # one for both tasks
    found = family.fixed_point_losses(spec_of().network())(losses, batch, extra)["task"]
    for i, task in enumerate(tasks):
        states, _ = greedy.rollout(phi, batch["start"][i], batch["goal"][i])
        far = (states[..., :2] - GOALS[task]).norm(dim=-1)
        speed = states[..., 2:].norm(dim=-1)
        expected = (10.0 * far[:, -1] + far.mean(-1) + 1e-4 * speed.mean(-1)).mean()
        torch.testing.assert_close(found[i], expected)


def test_the_fixed_point_is_seen_through_learned_dynamics_where_there_are_some(phi):
    dynamics = Dynamics(WORLD, (1.0,) * 4, (4,))
    family = family_of(dynamics=dynamics)
    family.model = dynamics.init(torch.Generator().manual_seed(0))
    tasks = torch.tensor([0, 1])
    query = family.query(tasks, tasks, torch.Generator().manual_seed(0))
    losses = {k: p.unsqueeze(0) for k, p in phi.items()}
    network = spec_of().network()
    learned = family.fixed_point_losses(network)(losses, *query)["task"]
    true = family_of().fixed_point_losses(network)(losses, *query)["task"]
    assert learned.shape == true.shape == (2,)
    assert ((learned - true).abs() > 1e-3 * true).all()


def test_the_fixed_point_of_demonstrations_is_how_far_greedy_actions_are_from_the_shown(phi):
    generator = torch.Generator().manual_seed(0)
    shown = Demonstrations(
        GOALS[:2],
        torch.randn(2, 20, 4, generator=generator),
        torch.randn(2, 20, 2, generator=generator),
    )
    family = DemonstrationFamily(family_of().optimizee, shown)
    tasks = torch.tensor([1, 0])
    query = family.query(tasks, tasks, generator)
    losses = {k: p.unsqueeze(0) for k, p in phi.items()}
    network = spec_of().network()
    found = family.fixed_point_losses(network)(losses, *query)["task"]
    for i, task in enumerate(tasks):
        seen = {"state": shown.states[task], "goal": shown.goals[task].expand(20, 2)}
        error = GreedyPolicy(WORLD, network).call(phi, seen) - shown.actions[task]
        expected = (error / torch.tensor(LIMITS)).square().sum(-1).mean()
        torch.testing.assert_close(found[i], expected)


def config(limit_weight, n_outer_steps=40):
    return MetaTrainConfig(
        n_outer_steps=n_outer_steps,
        n_tasks=4,
        unroll=2,
        horizon=8,
        outer_lr=1e-2,
        limit_weight=limit_weight,
    )


def test_meta_training_on_the_fixed_point_makes_greedy_actions_reach():
    """Two small steps of a policy show little of where they lead."""
    family = family_of()
    tasks = torch.arange(3)
    query = family.query(tasks, tasks, torch.Generator().manual_seed(5))

    def distance(trainer):
        phi = {k: p.unsqueeze(0) for k, p in trainer.seed_phi(0).items()}
        return float(family.fixed_point_losses(spec_of().network())(phi, *query)["task"].mean())

    trained = {}
    for weight in (0.0, 1.0):
        trainer = MetaTrainer(family, spec_of(inner_lr=0.03), config(weight), (0,))
        fresh = distance(trainer)
        while not trainer.done:
            trainer.step()
        trained[weight] = distance(trainer)
    assert trained[1.0] < 0.3 * fresh
    assert trained[1.0] < 0.5 * trained[0.0]


def test_recorded_steps_give_the_same_run():
    """With gain weights and momentum."""
    spec = spec_of(options={"gain_weight": 0.5}, momentum=0.5)
    phis = []
    for engine in (Engine(), Engine(kind="replayed")):
        family = family_of(replace(WORLD, horizon=2))
        trainer = MetaTrainer(family, spec, config(1.0), (0,), engine=engine)
        trainer.step(), trainer.step()
        phis.append(trainer.phi)
    for k, p in phis[0].items():
        torch.testing.assert_close(phis[1][k], p, rtol=1e-3, atol=1e-4)


def test_other_losses_have_no_greedy_action():
    with pytest.raises(ConfigError, match="TrajectoryLoss is not known: a limit_weight needs"):
        GreedyPolicy(WORLD, spec_of("trajectory").network())
    MetaTrainer(family_of(), spec_of("trajectory"), config(0.0), (0,))
    with pytest.raises(ConfigError, match="TrajectoryLoss is not known"):
        MetaTrainer(family_of(), spec_of("trajectory"), config(1.0), (0,))
