# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Sign maze of published comparisons, in Minigrid: a sign behind a wall tells the right object.

It serves to check methods that explore on a task of their own literature (Liu et al. 2021), on a
grid in place of its rooms in 3-D. Minigrid moves and sees; a maze of so few states is walked
through once, and looked up from then on.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ml3_ros.core.draws import Source, randint
from ml3_ros.errors import needs

MAP = (
    "#######",
    "#a...A#",
    "#b...B#",
    "#c...C#",
    "###.###",
    "#...s##",
    "#######",
)
START = (3, 2)
COLOURS = ("red", "green", "blue")  # of the sign: the task
KINDS = ("key", "box")  # a to c and A to C in the map, one of each colour
ACTIONS = ("left", "right", "forward", "pickup")  # Minigrid's first four
VIEW = 3  # cells, wide and ahead
MARKS = ("wall", *KINDS, *COLOURS)  # that are told of each cell in view
HEADINGS = 4


def maze(colour: str) -> Any:
    """Return the maze whose sign has a colour, an environment of Minigrid.

    Raises:
        ConfigError: Minigrid is not installed.
    """
    with needs("minigrid", "rl", "the maze of signs"):
        from minigrid.core.grid import Grid
        from minigrid.core.mission import MissionSpace
        from minigrid.core.world_object import Box, Key, Wall
        from minigrid.minigrid_env import MiniGridEnv

    def thing(mark: str) -> Any:
        if mark in "#s":
            return Wall(colour) if mark == "s" else Wall()
        kind = Key if mark.islower() else Box
        return kind(COLOURS["abc".index(mark.lower())])

    class Maze(MiniGridEnv):
        grid: Any
        agent_pos: Any
        agent_dir: Any

        def _gen_grid(self, width: int, height: int) -> None:
            self.grid = Grid(width, height)
            for y, row in enumerate(MAP):
                for x, mark in enumerate(row):
                    if mark != ".":
                        self.put_obj(thing(mark), x, y)
            self.agent_pos, self.agent_dir = START, 0

    mission = MissionSpace(mission_func=lambda: "take the object of the sign's colour")
    found = Maze(mission, width=len(MAP[0]), height=len(MAP), agent_view_size=VIEW)
    found.reset()
    return found


def marks(image: np.ndarray) -> np.ndarray:
    """Return what Minigrid's image (VIEW, VIEW, 3) shows as marks, 0 or 1, MARKS for each cell."""
    with needs("minigrid", "rl", "the maze of signs"):
        from minigrid.core.constants import COLOR_TO_IDX, OBJECT_TO_IDX

    kind, colour = image[..., 0], image[..., 1]
    kinds = [kind == OBJECT_TO_IDX[name] for name in ("wall", *KINDS)]
    there = np.any(kinds, axis=0)  # what is empty or hidden has the index of a colour, too
    colours = [there & (colour == COLOR_TO_IDX[name]) for name in COLOURS]
    return np.stack([*kinds, *colours], -1).astype(np.float32).ravel()


@dataclass(frozen=True, slots=True)
class Tables:
    """All states of the maze: a free cell and a heading each.

    Attributes:
        cells: (x, y) of each state (states, 2).
        marks: In view, by colour of the sign (colours, states, k).
        following: States after each action (states, actions).
        touched: Objects that are taken in each state (states,): kind x colours + colour, or -1.
    """

    cells: Tensor
    marks: Tensor
    following: Tensor
    touched: Tensor


@cache
def tables() -> Tables:
    """Return the tables, by one step of Minigrid from every state with every action."""
    free = [(x, y) for y, row in enumerate(MAP) for x, mark in enumerate(row) if mark == "."]
    states = [(cell, heading) for cell in free for heading in range(HEADINGS)]
    views, following, touched = [], [], []
    for colour in COLOURS:
        env = maze(colour)
        for cell, heading in states:
            env.agent_pos, env.agent_dir = cell, heading
            views.append(marks(env.gen_obs()["image"]))
    for cell, heading in states:
        after = []
        for action in range(len(ACTIONS)):
            env = maze(COLOURS[0])
            env.agent_pos, env.agent_dir = cell, heading
            env.step(action)
            place = (int(env.agent_pos[0]), int(env.agent_pos[1]))
            after.append(states.index((place, int(env.agent_dir))))
        following.append(after)
        held = env.carrying  # by the last action
        touched.append(
            -1
            if held is None
            else KINDS.index(held.type) * len(COLOURS) + COLOURS.index(held.color)
        )
    return Tables(
        torch.tensor([cell for cell, _ in states]),
        torch.from_numpy(np.stack(views)).view(len(COLOURS), len(states), -1),
        torch.tensor(following),
        torch.tensor(touched),
    )


class SignMazeWorld:
    """See `World`; one episode explores, in the next one keys or boxes are asked for.

    The right one has the colour of the sign, which stands behind a wall. Once an object is taken,
    it is held until the episode ends, and if it is the right one each action pays 1. A wrong one
    costs no more than the episode, unlike in the published task: where it is punished, policies
    learn to touch nothing long before they learn what to touch. In the first episode nothing
    pays. Observed are the cells in view, heading and place, what is asked for, and whether
    something is held.
    """

    n_observations = VIEW * VIEW * len(MARKS) + HEADINGS + 4
    n_actions = len(ACTIONS)
    n_task = len(COLOURS)
    discrete = True
    horizon = 20
    episodes = 2
    scored = 1
    has_outside = False

    def __init__(self) -> None:
        self._tables = tables()
        self._colour = self._kind = self._state = torch.zeros(0).long()
        self._held = self._right = torch.zeros(0).bool()
        self._episode = 0

    def draw(self, n: int, source: Source, *, outside: bool = False) -> Tensor:
        """See `World`; there are no tasks outside: each is one of the colours."""
        return torch.eye(self.n_task)[randint(source, 0, self.n_task, n)]

    def begin(self, tasks: Tensor, source: Source, episode: int = 0) -> Tensor:
        """See `World`; it begins in the middle of the room, with any heading."""
        n = len(tasks)
        self._colour, self._episode = tasks.argmax(-1), episode
        start = (self._tables.cells == torch.tensor(START)).all(-1).nonzero()[0]
        self._state = start + randint(source, 0, HEADINGS, n)
        self._kind = randint(source, 0, len(KINDS), n)
        self._held = self._right = torch.zeros(n).bool()
        return self._seen()

    def step(self, action: Tensor) -> tuple[Tensor, Tensor]:
        """See `World`."""
        free = ~self._held
        touched = self._tables.touched[self._state]
        takes = free & (action == ACTIONS.index("pickup")) & (touched >= 0)
        self._held = self._held | takes
        self._right = self._right | (takes & (touched == self._kind * len(COLOURS) + self._colour))
        moved = self._tables.following[self._state, action.long()]
        self._state = torch.where(free, moved, self._state)
        return self._seen(), (self._right & (self._episode > 0)).float()

    def _seen(self) -> Tensor:
        heading = torch.eye(HEADINGS)[self._state % HEADINGS]
        place = (self._tables.cells[self._state] - torch.tensor(START)) / 2.0
        asked = (2.0 * self._kind - 1.0) if self._episode else torch.zeros(len(self._kind))
        told = torch.stack([asked, self._held.float()], -1)
        view = self._tables.marks[self._colour, self._state]
        return torch.cat([view, heading, place, told], -1)
