# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Client of the service reset_arm: a reset is requested again until the arm accepts it."""

from __future__ import annotations

import time
from collections.abc import Callable

from rclpy.client import Client
from rclpy.task import Future
from std_srvs.srv import Trigger

from ml3_ros.errors import DataError


class ArmReset:
    """Sends requests one at a time, and knows for how long the arm has rejected them."""

    def __init__(
        self, client: Client[Trigger.Request, Trigger.Response], timeout: Callable[[], float]
    ) -> None:
        """Use `client`; the arm may reject resets for `timeout()` [s]."""
        self._client, self._timeout = client, timeout
        self._answer: Future[Trigger.Response] | None = None
        self._rejected_since: float | None = None  # monotonic time [s]

    @property
    def ready(self) -> bool:
        """Whether there is a server."""
        return self._client.service_is_ready()

    def forget(self) -> None:
        """Start anew: the arm has rejected nothing yet."""
        self._answer = self._rejected_since = None

    def request(self) -> None:
        """Request a reset."""
        self._answer = self._client.call_async(Trigger.Request())

    def rejection(self) -> str | None:
        """Return why the reset was rejected, "" if it is done, None without an answer so far.

        Raises:
            DataError: The arm has rejected resets for too long.
        """
        answer = self._answer.result() if self._answer is not None else None
        if answer is None:
            return None
        if answer.success:
            self._rejected_since = None
            return ""
        now, reason = time.monotonic(), f"the arm could not be reset: {answer.message}"
        self._rejected_since = self._rejected_since or now
        if now - self._rejected_since > self._timeout():
            self._rejected_since = None
            raise DataError(reason)
        return reason
