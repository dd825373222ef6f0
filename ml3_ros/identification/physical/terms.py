# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Terms of a joint's friction, each a named column: dry, viscous, with memory, with load.

`f` stands for the effort that a term adds, `z_d` for the presliding state of displacement d
(`data.presliding.hysteresis`), `T` for the torque of the rigid body, which loads the gear.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml3_ros.errors import DataError
from ml3_ros.identification.models.friction_columns import smooth_sign, stillness
from ml3_ros.identification.split import DISPLACEMENTS

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class JointSamples:
    """What the terms of one joint are computed from, each (R,).

    `v` [rad/s], `a` [rad/s^2], `load` T [N m]; `strain` (R, D) are the presliding states of
    DISPLACEMENTS [-].
    """

    v: Array
    a: Array
    load: Array
    strain: Array


@dataclass(frozen=True, slots=True)
class Term:
    """One column of friction: its kind and up to two numbers that shape it."""

    kind: str
    first: float = 0.0
    second: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in _COLUMNS:
            raise DataError(f"there is no friction term {self.kind!r}: use {', '.join(_COLUMNS)}")
        if self.kind in _STRAINED and _place(self.first) is None:
            raise DataError(
                f"term {self.kind} has displacement {self.first:g} rad: it must be one of "
                f"{', '.join(f'{d:g}' for d in DISPLACEMENTS)}"
            )
        if self.kind in _SHAPED and not self.first > 0.0:
            raise DataError(f"term {self.kind} needs a first number > 0, got {self.first:g}")

    @property
    def name(self) -> str:
        """Kind and numbers, as in "presliding 0.01"."""
        return " ".join([self.kind, *(f"{x:g}" for x in self.numbers)])

    @property
    def numbers(self) -> tuple[float, ...]:
        """The numbers that this kind has."""
        return (self.first, self.second)[: _NUMBERS.get(self.kind, 0)]

    @property
    def not_negative(self) -> bool:
        """Whether its coefficient is >= 0 in any joint: it takes energy, or is an inertia."""
        return self.kind in _NOT_NEGATIVE

    @property
    def of_load(self) -> bool:
        """Whether it depends on the load torque."""
        return self.kind in _LOADED

    def column(self, samples: JointSamples) -> Array:
        """Return the column (R,)."""
        return np.asarray(_COLUMNS[self.kind](samples, self.first, self.second), dtype=float)


def _place(displacement: float) -> int | None:
    at = np.flatnonzero(np.isclose(DISPLACEMENTS, displacement, rtol=1e-6))
    return int(at[0]) if len(at) else None


def _strain(s: JointSamples, displacement: float) -> Array:
    place = _place(displacement)
    assert place is not None
    return s.strain[:, place]


_COLUMNS: dict[str, Callable[[JointSamples, float, float], Array]] = {
    "viscous": lambda s, *_: s.v,  # f = c v
    "coulomb": lambda s, *_: np.sign(s.v),  # f = c sign v
    "offset": lambda s, *_: np.ones_like(s.v),  # f = c
    "rotor": lambda s, *_: s.a,  # f = c a: inertia of motor and gear
    "presliding": lambda s, d, _: _strain(s, d),  # f = c z_d
    "load_presliding": lambda s, d, _: np.abs(s.load) * _strain(s, d),  # f = c |T| z_d
    "stuck": lambda s, d, w: _strain(s, d) * stillness(s.v, s.a, speed=w, smoothing=0.0),
    "load_coulomb": lambda s, *_: np.abs(s.load) * np.sign(s.v),  # gain of driving and braking
    "load_viscous": lambda s, *_: np.abs(s.load) * s.v,
    "load": lambda s, *_: np.abs(s.load),  # gain of pushing and pulling
    "load_direction": lambda s, *_: s.load * np.sign(s.v),  # gain of either direction
    "asymmetric_viscous": lambda s, *_: np.abs(s.v),
    "stribeck": lambda s, w, _: np.sign(s.v) * np.exp(-((s.v / w) ** 2)),
    "power": lambda s, p, _: np.sign(s.v) * np.abs(s.v) ** p,
    "smooth": lambda s, w, m: smooth_sign(s.v, s.a, speed=w, smoothing=m),
}
_NUMBERS = {"presliding": 1, "load_presliding": 1, "stuck": 2, "stribeck": 1, "power": 1}
_NUMBERS["smooth"] = 2
_STRAINED = ("presliding", "load_presliding", "stuck")
_SHAPED = ("stribeck", "power")
_NOT_NEGATIVE = ("viscous", "coulomb", "rotor", "presliding", "load_presliding", "load_coulomb")
_LOADED = ("load_presliding", "load_coulomb", "load_viscous", "load", "load_direction")

SIMPLE = (Term("viscous"), Term("coulomb"), Term("offset"), Term("rotor"))
EXTRA = (
    *(Term("presliding", float(d)) for d in DISPLACEMENTS),
    *(Term("load_presliding", float(d)) for d in DISPLACEMENTS),
    *(Term("stuck", float(d), w) for d in DISPLACEMENTS[1:5] for w in (0.03, 0.1)),
    Term("load_coulomb"),
    Term("load_viscous"),
    Term("load"),
    Term("load_direction"),
    Term("asymmetric_viscous"),
    *(Term("stribeck", w) for w in (0.02, 0.05, 0.1, 0.3)),
    *(Term("power", p) for p in (1.0 / 3.0, 2.0 / 3.0, 2.0)),
    # never of speed 0: at rest, noise of v and a would decide on the sign
    *(Term("smooth", w, m) for m in (0.0, 0.05, 0.1, 0.2) for w in (0.01, 0.03, 0.1)),
)


def term_columns(terms: Sequence[Term], samples: JointSamples) -> Array:
    """Return the columns (R, k) of some terms."""
    if not terms:
        return np.zeros((len(samples.v), 0))
    return np.stack([term.column(samples) for term in terms], axis=-1)
