# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Rows of a recording ready to be fitted: twins left out, contacts marked and weighted down."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ml3_ros.data.recording import JointRecording
from ml3_ros.identification.checks import Finding
from ml3_ros.identification.fits import ArmModel, Explained
from ml3_ros.identification.robust.contact_check import usable, without_contacts
from ml3_ros.identification.robust.irls import RobustConfig
from ml3_ros.identification.split import SplitConfig, block_rows
from ml3_ros.identification.twins import rows_without_repeats


def prepared(
    recording: JointRecording, model: ArmModel, split: SplitConfig, robust: RobustConfig
) -> tuple[Explained, list[Finding]]:
    """Return the rows with the model's part in them, and findings: repeats, twins, contact.

    Contacts are searched among all rows: an arm at rest is its own twin nearly everywhere, but
    what pushes it shows only beside that rest.
    """
    rows, repeats = rows_without_repeats(recording, split)
    every = block_rows(recording, split)
    explained = Explained.by(model, every)
    if len(rows.t) == len(every.t):
        explained = Explained(rows, explained.tau_rbd, explained.regressor)
        data, contact = without_contacts(explained, robust)
        return data, [*repeats, contact]
    whole, contact = without_contacts(explained, robust)
    data = whole.subset(np.isin(every.t, rows.t), rows)
    if data.counts is not None:
        data = replace(data, counts=usable(data.counts, data.rows))
    return data, [*repeats, contact]
