# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Tree of frames: keeps the transforms of tf over the last seconds, looks up one in another."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation, Slerp

from ml3_ros.errors import MessageError

Array = NDArray[np.float64]

MOST_FRAMES = 2000
MOST_KEPT = 1000  # transforms of a frame
KEPT_NS = 10_000_000_000  # how long a transform is kept


class FrameError(MessageError):
    """One frame cannot be found in another."""

    kind = "unknown frames"


class Edge:
    """Transforms of a frame in its parent over time; a fixed frame has one for all times."""

    def __init__(self, parent: str, fixed: bool) -> None:
        """Begin without a transform."""
        self.parent, self.fixed = parent, fixed
        self.newest = 0  # [ns]
        self._kept: deque[tuple[int, Array, Array]] = deque(maxlen=1 if fixed else MOST_KEPT)

    def add(self, stamp: int, position: Array, quaternion: Array) -> None:
        """Add a transform; one that is older than the newest begins the history anew."""
        if stamp < self.newest:
            self._kept.clear()
        self.newest = stamp
        self._kept.append((stamp, position, quaternion))
        while stamp - self._kept[0][0] > KEPT_NS:
            self._kept.popleft()

    def at(self, stamp: int) -> Array | None:
        """Return the transform (4, 4) at a time [ns], 0: the newest; None where none is known."""
        if self.fixed or not stamp or stamp == self.newest:
            return _matrix(*self._kept[-1][1:])
        for (t0, p0, r0), (t1, p1, r1) in zip(self._kept, list(self._kept)[1:], strict=False):
            if t0 <= stamp <= t1:
                share = (stamp - t0) / max(t1 - t0, 1)
                turn = Slerp([0.0, 1.0], Rotation.from_quat([r0, r1]))(share)
                return _matrix(p0 + share * (p1 - p0), turn.as_quat())
        return None


class FrameTree:
    """Frames, each placed in its parent over time, as tf publishes them."""

    def __init__(self) -> None:
        """Begin without a frame."""
        self._edges: dict[str, Edge] = {}

    def add(
        self,
        parent: str,
        child: str,
        stamp: int,
        position: Array,
        quaternion: Array,
        *,
        fixed: bool = False,
    ) -> None:
        """Add the transform that places `child` in `parent`.

        Args:
            parent: Name of a frame.
            child: Name of another.
            stamp: Time of the transform [ns].
            position: Of the child's origin [m], (3,).
            quaternion: Its rotation, x, y, z, w, (4,).
            fixed: The transform holds at all times.

        Raises:
            FrameError: Numbers or names are no transform, or there are too many frames.
        """
        length = float(np.linalg.norm(quaternion))
        if child == parent or not (child and parent):
            raise FrameError(f"tf puts '{child}' into '{parent}': it is skipped; name two frames")
        if not (np.isfinite(position).all() and 0.99 < length < 1.01):
            raise FrameError(
                f"the transform of '{child}' in '{parent}' is none: it is skipped; check its "
                "sender"
            )
        edge = self._edges.get(child)
        if edge is None and len(self._edges) >= MOST_FRAMES:
            raise FrameError(f"tf has more than {MOST_FRAMES} frames: '{child}' is skipped")
        if edge is None or (edge.parent, edge.fixed) != (parent, fixed):
            edge = self._edges[child] = Edge(parent, fixed)
        edge.add(stamp, position, quaternion / length)

    def lookup(self, target: str, source: str, stamp: int) -> Array:
        """Return the pose of `source` in `target` (4, 4) at a time [ns], 0: the newest known.

        Raises:
            FrameError: No transforms lead from one to the other, or none at that time.
        """
        up, down = self._way_up(source), self._way_up(target)
        common = next((frame for frame in up if frame in down), None)
        if common is None:
            raise FrameError(f"tf knows no way from '{source}' to '{target}'")
        return np.linalg.inv(self._climb(down, common, stamp)) @ self._climb(up, common, stamp)

    def _way_up(self, frame: str) -> list[str]:
        way = [frame]
        while (edge := self._edges.get(way[-1])) is not None and edge.parent not in way:
            way.append(edge.parent)
        return way

    def _climb(self, way: list[str], to: str, stamp: int) -> Array:
        """Return the pose (4, 4) of the first frame of `way` in a later one, `to`."""
        T = np.eye(4)
        for frame in way[: way.index(to)]:
            edge = self._edges[frame]
            step = edge.at(stamp)
            if step is None:
                away = 1e-9 * (stamp - edge.newest)
                raise FrameError(
                    f"tf does not know '{frame}' in '{edge.parent}' at that time, which is "
                    f"{away:+.3f} s from the newest it has"
                )
            T = step @ T
        return T


def _matrix(position: Array, quaternion: Array) -> Array:
    T = np.eye(4)
    T[:3, :3], T[:3, 3] = Rotation.from_quat(quaternion).as_matrix(), position
    return T
