# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Enabling logic of a Sawyer robot: stops, errors and resets, as on its /robot/state."""

from __future__ import annotations

from ml3_ros.robots.sawyer.interface import EstopButton, EstopSource


class Assembly:
    """The state of the robot as a whole; it begins disabled.

    A stop, of whatever source, ends enabling and stays until a reset; a reset leaves the robot
    disabled and does nothing while the button is pressed.
    """

    def __init__(self) -> None:
        """Begin disabled, without stop or error."""
        self.enabled = False
        self.stopped = False
        self.error = False
        self.estop_button = EstopButton.UNPRESSED
        self.estop_source = EstopSource.NONE

    @property
    def ready(self) -> bool:
        """Enabled and not homing, which is not emulated: every joint knows its zero."""
        return self.enabled

    def enable(self, on: bool) -> bool:
        """Turn the motors on or off; return whether they are as requested now."""
        self.enabled = on and not self.stopped
        return self.enabled == on

    def stop(self) -> None:
        """Stop by software; while another stop is in force that one is reported."""
        self._stop(EstopButton.UNKNOWN, EstopSource.UNKNOWN)

    def fault(self) -> None:
        """A joint reports a fault: stop, with an error."""
        self.error = True
        self._stop(EstopButton.UNKNOWN, EstopSource.FAULT)

    def press(self, pressed: bool) -> None:
        """Press the red button, or release it: the stop stays until the reset."""
        if pressed:
            self.stopped = False  # of all sources the button is reported
            self._stop(EstopButton.PRESSED, EstopSource.USER)
        elif self.estop_button == EstopButton.PRESSED:
            self.estop_button = EstopButton.RELEASED

    def reset(self) -> bool:
        """Clear stop and error and leave the robot disabled; return False if it is rejected."""
        if self.estop_button == EstopButton.PRESSED:
            return False
        self.enabled = self.stopped = self.error = False
        self.estop_button, self.estop_source = EstopButton.UNPRESSED, EstopSource.NONE
        return True

    def _stop(self, button: EstopButton, source: EstopSource) -> None:
        if not self.stopped:
            self.estop_button, self.estop_source = button, source
        self.enabled, self.stopped = False, True
