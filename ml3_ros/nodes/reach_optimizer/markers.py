# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Goals and paths of the hand as markers, for viewers like RViz and Foxglove."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from geometry_msgs.msg import Point
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from ml3_ros.learners.reaching.run import Outcome
from ml3_ros.nodes.kit.node import Ml3Node
from ml3_ros.nodes.kit.qos import LATCHED_1
from ml3_ros.nodes.messages.poses import matrix_of, pose_to_msg

MOST_GOALS = 50  # that are shown, the newest
MOST_PATHS = 100  # of the newest goal
RADIUS, AXIS, WIDTH = 0.012, 0.05, 0.003  # of a goal, its axes, a line [m]
GOAL, DONE = (0.9, 0.4, 0.1, 0.9), (0.5, 0.5, 0.5, 0.5)
FIRST, LAST = np.array([0.6, 0.65, 0.7, 0.5]), np.array([0.1, 0.6, 0.3, 1.0])  # of the episodes
OTHER_FIRST, OTHER_LAST = np.array([0.75, 0.65, 0.6, 0.5]), np.array([0.7, 0.3, 0.6, 1.0])
AXES = ((1.0, 0.0, 0.0, 1.0), (0.0, 1.0, 0.0, 1.0), (0.0, 0.0, 1.0, 1.0))


class ReachMarkers:
    """The latched topic reach_markers: each message shows everything anew.

    A sphere stands at each goal, with axes where the hand's orientation counts, too. Lines are the
    paths of the hand in the episodes of the newest goal, from pale to strong as the policy learns;
    those of another method than the first have another colour.
    """

    def __init__(self, node: Ml3Node[Any], method: str) -> None:
        """Publish for `node`; `method` is the one whose paths have the first colour."""
        self._publisher = node.publisher(MarkerArray, "reach_markers", LATCHED_1)
        self._method, self._base = method, node.parameters.base_frame

    def publish(
        self, goals: Sequence[np.ndarray], outcomes: Sequence[Outcome], *, oriented: bool
    ) -> None:
        """Publish all markers.

        Args:
            goals: Poses (7,), all that have come.
            outcomes: Of all episodes so far.
            oriented: The orientation of the hand counts, too.
        """
        newest = outcomes[-1].goal if outcomes else -1
        paths = [o for o in outcomes[-MOST_PATHS:] if o.goal == newest]
        markers = [Marker(action=Marker.DELETEALL)]
        for i in range(max(0, len(goals) - MOST_GOALS), len(goals)):
            markers += _goal(i, goals[i], done=i < newest, oriented=oriented)
        markers += [self._path(i, o, goals[newest]) for i, o in enumerate(paths)]
        for marker in markers:  # stamp 0: whenever it is shown
            marker.header.frame_id = self._base
        self._publisher.publish(MarkerArray(markers=markers))

    def _path(self, i: int, outcome: Outcome, goal: np.ndarray) -> Marker:
        first, last = FIRST, LAST
        if outcome.method != self._method:
            first, last = OTHER_FIRST, OTHER_LAST
        share = 1.0 - 0.7**outcome.number
        marker = Marker(ns="hand paths", id=i, type=Marker.LINE_STRIP)
        marker.color = _colour(first + share * (last - first))
        marker.scale.x, marker.pose.orientation.w = WIDTH, 1.0
        hand = outcome.episode.hand[:, :3]
        height = np.full((len(hand), 3 - hand.shape[1]), goal[2])  # of a task in the plane
        marker.points = [_point(row) for row in np.hstack((hand, height))]
        return marker


def _goal(i: int, pose: np.ndarray, *, done: bool, oriented: bool) -> list[Marker]:
    sphere = Marker(ns="goals", id=i, type=Marker.SPHERE, color=_colour(DONE if done else GOAL))
    sphere.pose = pose_to_msg(pose, 0).pose
    sphere.scale.x = sphere.scale.y = sphere.scale.z = 2.0 * RADIUS
    if not oriented:
        return [sphere]
    axes = Marker(ns="goal axes", id=i, type=Marker.LINE_LIST)
    axes.scale.x, axes.pose.orientation.w = WIDTH, 1.0
    T = matrix_of(pose)
    for k, rgba in enumerate(AXES):
        axes.points += [_point(T[:3, 3]), _point(T[:3, 3] + AXIS * T[:3, k])]
        axes.colors += [_colour(rgba)] * 2
    return [sphere, axes]


def _point(xyz: np.ndarray) -> Point:
    x, y, z = (float(value) for value in xyz)
    return Point(x=x, y=y, z=z)


def _colour(rgba: Sequence[float] | np.ndarray) -> ColorRGBA:
    r, g, b, a = (float(share) for share in rgba)
    return ColorRGBA(r=r, g=g, b=b, a=a)
