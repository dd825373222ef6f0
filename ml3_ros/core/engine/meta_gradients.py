# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The function that computes the meta-gradient, by the engine that was chosen."""

from collections.abc import Callable
from functools import partial

from ml3_ros.core.engine.engine import Engine
from ml3_ros.core.outer.meta_gradient import MetaGradient, meta_gradient


def meta_gradient_of(engine: Engine) -> Callable[..., MetaGradient]:
    """Return `meta_gradient` with the engine's memory, or the same through `higher`."""
    if engine.kind != "higher":
        return partial(meta_gradient, segment=engine.segment)
    from ml3_ros.core.engine.higher import meta_gradient_higher  # no other engine loads it

    return meta_gradient_higher
