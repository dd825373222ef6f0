# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The maze of signs: what is looked up is what Minigrid does, and the right object pays."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ml3_ros.experiments.metarl.config import METHODS, PUBLISHED, MetaRlConfig
from ml3_ros.experiments.metarl.sign_maze import (
    ACTIONS,
    COLOURS,
    HEADINGS,
    START,
    VIEW,
    SignMazeWorld,
    marks,
    maze,
)
from ml3_ros.metarl.learning.ppo import PpoConfig
from ml3_ros.metarl.learning.trials import run_trials
from ml3_ros.metarl.methods.method import Budget

LEFT, RIGHT, FORWARD, PICKUP = range(4)
EAST, SOUTH, WEST, NORTH = range(4)
ROUTES = {  # from the start, looking south
    "sign": (FORWARD, FORWARD, FORWARD, LEFT),
    "green key": (RIGHT, FORWARD, PICKUP),
    "green box": (LEFT, FORWARD, PICKUP),
    "red key": (RIGHT, FORWARD, RIGHT, FORWARD, LEFT, PICKUP),
}


def source(seed=0):
    return torch.Generator().manual_seed(seed)


def begun(heading, asked=0, episode=1):
    """Return the world with one copy for each colour, which begins with this heading."""
    world = SignMazeWorld()
    world.begin(torch.eye(3), source(), episode)
    world._state = world._state - world._state % HEADINGS + heading
    world._kind = torch.full((3,), asked)
    return world


def followed(world, route):
    seen, paid = zip(*(world.step(torch.full((3,), action)) for action in route), strict=True)
    return seen[-1], torch.stack(paid)


@pytest.mark.parametrize("colour", range(3))
def test_steps_and_views_are_those_of_minigrid(colour):
    """Step by step on random walks, until an object is taken and the episode is over."""
    world, generator = SignMazeWorld(), source(colour)
    n_signs = n_taken = 0
    for _ in range(40):
        env = maze(COLOURS[colour])
        seen = world.begin(torch.eye(3)[[colour]], generator, 1)
        env.agent_dir = int(seen[0, -8:-4].argmax())
        assert tuple(env.agent_pos) == START
        for _ in range(world.horizon):
            action = int(torch.randint(0, 4, (1,), generator=generator))
            seen, _ = world.step(torch.tensor([action]))
            image = env.step(action)[0]["image"]
            if env.carrying is not None:
                assert bool(seen[0, -1])
                kind, hue = divmod(int(world._tables.touched[world._state]), 3)
                assert (env.carrying.type, env.carrying.color) == (
                    ("key", "box")[kind], COLOURS[hue],
                )  # fmt: skip
                n_taken += 1
                break
            assert np.array_equal(seen[0, : VIEW * VIEW * 6].numpy(), marks(image))
            assert int(seen[0, -8:-4].argmax()) == env.agent_dir
            place = torch.tensor(env.agent_pos) - torch.tensor(START)
            assert torch.equal(seen[0, -4:-2], place / 2.0)
            assert not seen[0, -1]
            cells = seen[0, : VIEW * VIEW * 6].view(-1, 6)
            n_signs += bool(((cells[:, 0] > 0) & (cells[:, 3:].sum(-1) > 0)).any())
    assert n_signs and n_taken  # the walks were long enough to see both


def test_a_view_has_the_keys_on_the_left_and_nothing_where_nothing_is():
    """Looking west from the start, the last row of the view is the three keys."""
    cells = begun(WEST)._seen()[0, : VIEW * VIEW * 6].view(-1, 6)
    assert cells.sum(0).tolist() == [0.0, 3.0, 0.0, 1.0, 1.0, 1.0]
    assert (cells.sum(-1) > 0.0).sum() == 3


def test_the_sign_tells_the_colour_and_cannot_be_seen_from_the_start():
    world = begun(SOUTH)
    seen, _ = followed(world, ROUTES["sign"])
    assert len({tuple(row.tolist()) for row in seen}) == 3
    for heading in range(4):
        seen = begun(heading)._seen()
        assert torch.equal(seen[0], seen[1]) and torch.equal(seen[0], seen[2])


def test_the_object_of_the_right_kind_and_colour_pays_as_long_as_it_is_held():
    red, green, blue = range(3)
    paid = followed(begun(SOUTH, asked=0), (*ROUTES["green key"], FORWARD))[1]
    assert paid[:, green].tolist() == [0.0, 0.0, 1.0, 1.0]
    assert paid[:, red].tolist() == paid[:, blue].tolist() == [0.0] * 4
    paid = followed(begun(SOUTH, asked=1), ROUTES["green key"])[1]
    assert paid[-1].tolist() == [0.0, 0.0, 0.0]
    assert followed(begun(SOUTH, asked=1), ROUTES["green box"])[1][-1, green] == 1.0
    assert followed(begun(SOUTH, asked=0), ROUTES["red key"])[1][-1].tolist() == [1.0, 0.0, 0.0]


def test_whoever_holds_an_object_stays_and_takes_no_other():
    world = begun(SOUTH, asked=0)
    before, _ = followed(world, ROUTES["green key"])
    after, paid = followed(world, (RIGHT, FORWARD, LEFT, PICKUP))  # to the red key
    assert torch.equal(after, before)
    assert paid[:, 0].tolist() == [0.0] * 4


def test_exploring_pays_nothing_and_nothing_is_asked_for():
    world = begun(SOUTH, episode=0)
    seen, paid = followed(world, ROUTES["green key"])
    assert not paid.any()
    assert not seen[:, -2].any()
    assert seen[:, -1].all()


@pytest.mark.parametrize("name", MetaRlConfig().rows("sign_maze"))
def test_every_method_takes_actions_by_their_index(name):
    world = SignMazeWorld()
    ppo = PpoConfig(n_trials=4, n_parts=1, n_epochs=1)
    agent = METHODS[name](world, Budget(steps=1, seed=0, ppo=ppo))
    tasks = world.draw(3, source())
    told = tasks if METHODS[name].told else None
    trials = run_trials(world, agent, tasks, source(), told=told)
    assert trials.actions.shape == (40, 3)
    assert set(trials.actions.unique().tolist()) <= set(range(len(ACTIONS)))


def test_worlds_of_publications_have_no_classical_row():
    assert not any("classical" in MetaRlConfig().rows(world) for world in PUBLISHED)
    assert "pearl" not in MetaRlConfig().rows("sign_maze")  # it acts continuously
