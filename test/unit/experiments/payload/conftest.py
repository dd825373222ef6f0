# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Windows of streams whose body is known, without a simulator."""

from __future__ import annotations

import pytest
import torch

from ml3_ros.experiments.payload.window import Window

BODY = torch.tensor([1.4, 0.5, -0.7, 0.3, 0.4, 0.1, 0.2, -0.1, 0.3, 0.2])
ROWS, JOINTS, SPACING = 300, 6, 0.04


@pytest.fixture
def body():
    return BODY


@pytest.fixture
def stream():
    """Return windows of three arms by rows since the change, and whether hands push."""

    def window(since, pushed=False):
        generator = torch.Generator().manual_seed(0)
        columns = 4.0 * torch.randn(3, ROWS, JOINTS, 10, generator=generator)
        carried = (torch.arange(ROWS) >= ROWS - since).float()[None, :, None]
        residual = (columns @ BODY) * carried
        residual = residual + torch.randn(3, ROWS, JOINTS, generator=generator)
        touched = torch.zeros(3, ROWS, dtype=torch.bool)
        if pushed:
            for first in (40, 130, ROWS - 50):
                touched[:, first : first + 25] = True
            residual[touched] += torch.tensor([30.0, -25.0, 20.0, 15.0, 0.0, 0.0])
        bound = carried.squeeze(-1) * (~touched)
        return Window(columns, residual, SPACING, bound.float())

    return window
