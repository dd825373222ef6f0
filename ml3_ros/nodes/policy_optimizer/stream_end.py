# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""End of a stream of joint states: it is finished or silent, and the run ends with a sentence."""

from __future__ import annotations

import time

from ml3_ros.learners.inverse_dynamics.worker import AdaptationWorker
from ml3_ros.nodes.kit.node import Ml3Node

STILL_COMING_S = 1.0  # samples may be queued, or on their way, when `stream_finished` comes
PATIENCE_S = 5.0  # likewise, while learning has not begun


class StreamEnd:
    """Ends a run whose stream is over; nothing waits for ever, and the log says what ended it."""

    def __init__(self, node: Ml3Node) -> None:
        """Begin now; `node` logs, and fails where there is nothing to end."""
        self._node = node
        self._newest = time.monotonic()  # of a joint state that could be read [s]
        self._over = 0.0  # likewise, since when the stream is finished; 0 before
        self._ended = False

    def note(self) -> None:
        """Note that a joint state could be read."""
        self._newest = time.monotonic()

    def finish(self, finished: bool) -> None:
        """Note whether the player has sent everything."""
        self._over = time.monotonic() if finished else 0.0

    @property
    def silence(self) -> float:
        """Time since the newest joint state that could be read [s]."""
        return time.monotonic() - self._newest

    def end_run(self, worker: AdaptationWorker, longest: float) -> None:
        """End the run of `worker` once its stream is finished, or silent for `longest` [s]."""
        finished = self._finished_for(STILL_COMING_S)
        if self._ended or not (finished or (longest and self.silence > longest)):
            return
        self._ended = True
        worker.end()
        if not finished:
            self._node.get_logger().warning(
                f"no joint_states that can be used for {longest:g} s: the run ends with what has "
                "come; see what has become of their sender, or raise silence_timeout"
            )

    def fail_if_over(self, waiting: str) -> bool:
        """Return whether the stream is over; `waiting` is what learning has been waiting for."""
        over = self._finished_for(PATIENCE_S)
        if over:
            reason = waiting or "too few samples have come"
            self._node.fail(f"the stream is over, but nothing could be learned: {reason}")
        return over

    def _finished_for(self, seconds: float) -> bool:
        """Return whether nothing has come for so long since it was finished."""
        return bool(self._over) and time.monotonic() - max(self._over, self._newest) > seconds
