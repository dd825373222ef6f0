# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Values that no arm has are named by field, joint and time; what fades to rest is not."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.data.repair.values import bad_values, describe_bad

NAMES = ("a", "b")


def rows():
    return np.ones((10, 3, 2))


@pytest.mark.parametrize(
    ("value", "word"),
    [(np.nan, "NaN"), (np.inf, "infinite"), (1e224, "1e+224"), (5e-310, "5e-310")],
)
@pytest.mark.parametrize(("field", "name"), [(0, "position"), (1, "velocity"), (2, "effort")])
def test_a_bad_value_is_named(value, word, field, name):
    x = rows()
    x[[4, 7], field, 1] = value
    bad = bad_values(x)
    assert np.argwhere(bad).tolist() == [[4, field, 1], [7, field, 1]]
    (sentence,) = describe_bad(bad, x, 0.1 * np.arange(10), NAMES)
    assert sentence == f"{name} of b is {word} or the like in 2 messages, first at 0.40 s"


def test_a_filter_that_fades_to_rest_is_good():
    x = rows()
    x[:, 1, 0] = 10.0 ** -np.linspace(0.0, 320.0, 10)
    x[-3:, 1, 0] = [1e-307, 1e-309, 0.0]
    x[:, 1, 1] = 0.0
    assert not bad_values(x).any()


def test_memory_that_was_never_set_is_bad_from_the_first_message_on():
    x = rows()
    x[:, 2, 0] = 6.9e-310
    assert bad_values(x)[:, 2, 0].all()
