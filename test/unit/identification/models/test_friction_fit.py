# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The classical fit of effort = gain tau_rbd + viscous v + coulomb sign(v) + offset."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.errors import DataError
from ml3_ros.identification.models.friction_fit import (
    dissipative_fit,
    friction_features,
    friction_fit,
    friction_predict,
)

TRUE = np.array([[1.2, 20.0, 11.0, 0.5], [0.9, 3.0, 2.0, -1.0]])


@pytest.fixture
def arm():
    rng = np.random.default_rng(1)
    tau_rbd, v = 10 * rng.normal(size=(400, 2)), rng.normal(size=(400, 2))
    return tau_rbd, v, friction_predict(TRUE, tau_rbd, v)


def test_the_true_coefficients_are_found(arm):
    tau_rbd, v, effort = arm
    np.testing.assert_allclose(friction_fit(tau_rbd, v, effort), TRUE, rtol=1e-9)
    gain, viscous, coulomb, offset = TRUE[1]
    expected = gain * tau_rbd[0, 1] + viscous * v[0, 1] + coulomb * np.sign(v[0, 1]) + offset
    assert effort[0, 1] == pytest.approx(expected)


def test_shapes_must_agree(arm):
    tau_rbd, v, effort = arm
    with pytest.raises(DataError, match="must both be"):
        friction_fit(tau_rbd, v[:, :1], effort)


def test_friction_that_would_give_energy_is_none_and_the_rest_is_fitted_anew(arm):
    tau_rbd, v, _ = arm
    wrong = np.array([[1.0, -0.5, 2.0, 0.3], [2.0, 0.5, 1.0, 0.0]])
    effort = friction_predict(wrong, tau_rbd, v)
    fitted = dissipative_fit(friction_fit(tau_rbd, v, effort), tau_rbd, v, effort)
    np.testing.assert_allclose(fitted[1], wrong[1], atol=1e-9)  # which needs nothing
    assert fitted[0, 1] == 0.0 and fitted[0, 2] > 0.0
    features = friction_features(tau_rbd, v)[:, 0]
    others = np.linalg.lstsq(features[:, [0, 2, 3]], effort[:, 0], rcond=None)[0]
    np.testing.assert_allclose(fitted[0, [0, 2, 3]], others, rtol=1e-6)
