# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Log of methods that have ended, while the others go on."""

from __future__ import annotations

from ml3_ros.learners.inverse_dynamics.method import Ended
from ml3_ros.learners.inverse_dynamics.worker import AdaptationWorker
from ml3_ros.nodes.kit.node import Ml3Node


class EndedMethods:
    """Logs each end of a method once, also of one that was revived in between."""

    def __init__(self, node: Ml3Node) -> None:
        """Log for `node`."""
        self._node = node
        self._logged: dict[str, Ended] = {}

    def log_new(self, worker: AdaptationWorker) -> None:
        """Log what has ended since the last call."""
        logger, ended = self._node.get_logger(), worker.ended()
        new = {name: x for name, x in ended.items() if self._logged.get(name) != x}
        self._logged = ended
        for name, x in new.items():
            logger.error(
                f"method {name} has ended after {x.n_steps} updates ({x.reason}): its model stays "
                "as it was until reset_optimizee or another loss lets it learn again"
            )
        if new:
            self._node.diagnostics.log_fault()


def diagnostic_values(worker: AdaptationWorker) -> dict[str, object]:
    """Return what /diagnostics shows of them."""
    return {f"method {name} has ended": x.reason for name, x in worker.ended().items()}
