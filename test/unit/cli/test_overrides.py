# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""key=value words to configurations, and the sentence a wrong one ends in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import pytest

from ml3_ros.cli.overrides import with_overrides
from ml3_ros.errors import ConfigError
from ml3_ros.experiments.registry import EXPERIMENTS
from ml3_ros.tasks.inverse_dynamics.train import TrainConfig


@dataclass(frozen=True, kw_only=True)
class Inner:
    switch: bool = True
    step: float | None = None


@dataclass(frozen=True, kw_only=True)
class Outer:
    name: str = "arm"
    kind: Literal["a", "b"] = "a"
    seed: int = 0
    widths: tuple[int, ...] = (40, 40)
    inner: Inner = Inner()
    table: dict[str, int] = field(default_factory=lambda: {"left/right": 1})

    def __post_init__(self) -> None:
        if self.seed == 13:
            raise ConfigError("seed must not be 13")


def test_no_words_change_nothing():
    assert with_overrides(Outer(seed=4), []) == Outer(seed=4)


@pytest.mark.parametrize(
    ("word", "changed"),
    [
        ("name=my=arm", Outer(name="my=arm")),
        ("kind=b", Outer(kind="b")),
        ("seed=-3", Outer(seed=-3)),
        ("widths=8", Outer(widths=(8,))),
        ("widths=8,9,10", Outer(widths=(8, 9, 10))),
        ("inner.switch=False", Outer(inner=Inner(switch=False))),
        ("inner.step=0.5", Outer(inner=Inner(step=0.5))),
        ("table.left/right=7", Outer(table={"left/right": 7})),
    ],
)
def test_a_word_changes_its_field_alone(word, changed):
    assert with_overrides(Outer(), [word]) == changed


def test_words_add_up_on_a_default_that_is_not_the_class_default():
    default = Outer(name="sawyer", inner=Inner(switch=False))
    found = with_overrides(default, ["inner.step=2", "seed=5"])
    assert found == Outer(name="sawyer", seed=5, inner=Inner(switch=False, step=2.0))


@pytest.mark.parametrize(
    "word",
    [
        "seed",
        "--seed=1",
        "-s=1",
        "=1",
        "seed=",
        "seed=x",
        "seed=1,2",
        "seed=13",
        "nope=1",
        "kind=c",
        "widths=8,x",
        "inner.nope=1",
        "inner.switch=perhaps",
        "help=1",
    ],
)
def test_a_wrong_word_is_a_config_error_that_names_it(word):
    with pytest.raises(ConfigError) as caught:
        with_overrides(Outer(), [word])
    assert word in str(caught.value)


def test_the_real_configurations_take_overrides():
    train = with_overrides(TrainConfig(), ["recipe.use_prior=False", "recipe.nle=given"])
    assert train.recipe.use_prior is False
    assert train.recipe.nle == "given"
    config = EXPERIMENTS["invdyn_reacher"].config
    experiment = with_overrides(config, ["n_test_robots=3"])
    assert experiment.n_test_robots == 3
    assert experiment.parts == config.parts
