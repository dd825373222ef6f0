# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Values of tensors, taken apart and put together again."""

from __future__ import annotations

import pytest
import torch

from ml3_ros.core.engine.trees import flatten, rebuild
from ml3_ros.core.outer.estimator import Window


def test_a_value_is_rebuilt_from_other_tensors():
    a, b, c, d = torch.arange(4.0)
    value = ({"a": a}, Window({"b": b}, {}, {"c": c}, {}, {}, ({"d": d}, {"a": a})), d)
    tensors = []
    layout = flatten(value, tensors)
    assert [float(x) for x in tensors] == [0.0, 1.0, 2.0, 3.0, 0.0, 3.0]
    same = []
    assert flatten(rebuild(layout, iter([x + 10.0 for x in tensors])), same) == layout
    assert [float(x) for x in same] == [10.0, 11.0, 12.0, 13.0, 10.0, 13.0]
    assert hash(layout) != hash(flatten(({"b": a}, *value[1:]), []))


def test_what_holds_no_tensors_is_rejected():
    with pytest.raises(TypeError):
        flatten([torch.zeros(())], [])
