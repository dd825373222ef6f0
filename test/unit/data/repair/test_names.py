# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Joints are found under other names by rules, or by the only prefix that fits."""

from __future__ import annotations

import pytest

from ml3_ros.data.repair.names import find_names, rename_all
from ml3_ros.errors import DataError

WANTED = ("j1", "j2", "j3")


@pytest.mark.parametrize(
    ("known", "wanted", "rename", "found"),
    [
        (("left_j1", "left_j2", "left_j3"), WANTED, "left_", ["left_j1", "left_j2", "left_j3"]),
        (("left_j1", "left_j2", "left_j3"), WANTED, "", ["left_j1", "left_j2", "left_j3"]),
        (("j1", "j2", "j3"), ("arm/j1", "arm/j2", "arm/j3"), "", ["j1", "j2", "j3"]),
        (("fer_joint1", "fer_joint2"), ("panda_joint1", "panda_joint2"), "", None),
        (("x", "b", "c"), WANTED, "x=j1,b=j2,c=j3", ["x", "b", "c"]),
        (("x", "l_j2", "l_j3"), WANTED, ["l_", "x=j1"], ["x", "l_j2", "l_j3"]),
        (("j1_l", "j2_l", "j3_l"), WANTED, "*_l=*", ["j1_l", "j2_l", "j3_l"]),
        (("j1", "j2", "j3", "left_j1"), WANTED, "", ["j1", "j2", "j3"]),  # as they are
        (("left_j1", "j2", "j3"), WANTED, "left_j1=j1", ["left_j1", "j2", "j3"]),
    ],
)
def test_names_are_found(known, wanted, rename, found):
    names = find_names(known, wanted, rename)
    assert list(names.recorded) == list(wanted)
    assert list(names.recorded.values()) == (found or list(known))


def test_a_sentence_says_what_was_found_and_how_to_say_it():
    assert find_names(("j1", "j2"), ("j1", "j2")).sentence == ""
    sentence = find_names(("left_j1", "left_j2"), ("j1", "j2")).sentence
    assert sentence == ("left_j1 is taken for j1 of the model, ... (as by rename=left_)")
    sentence = find_names(("fer_joint1", "fer_joint2"), ("panda_joint1", "panda_joint2")).sentence
    assert "rename=fer*=panda*" in sentence


@pytest.mark.parametrize(
    ("known", "wanted"),
    [
        (("a", "b"), ("shoulder", "elbow")),
        (("left_j1", "left_j2"), ("j1", "j2", "j3")),  # one is not recorded
        (("left_j1", "right_j2"), ("j1", "j2")),  # two prefixes
        (("left_j1", "left_j2"), ("right_j1", "right_j2")),  # the other arm
        (("finger_joint",), ("elbow_joint",)),  # one joint alone fits anything
        (("j1", "left_j2"), ("j1", "j2")),  # some are there: the others are missing
    ],
)
def test_what_no_prefix_explains_is_not_found(known, wanted):
    assert len(find_names(known, wanted).recorded) < len(wanted)


def test_two_prefixes_that_fit_must_be_chosen_from():
    known = ("left_j1", "left_j2", "right_j1", "right_j2")
    with pytest.raises(DataError, match="choose rename=left_ or rename=right_"):
        find_names(known, ("j1", "j2"))
    assert find_names(known, ("j1", "j2"), "right_").recorded["j1"] == "right_j1"


@pytest.mark.parametrize("rename", ["a=", "=b", "a*=b", "*a*=*b*"])
def test_rules_that_say_nothing_are_rejected(rename):
    with pytest.raises(DataError, match=r"rename=.* cannot be used: give a prefix"):
        find_names(("a",), ("b",), rename)


def test_all_names_are_renamed_where_none_are_wanted():
    assert rename_all(("l_a", "b"), "l_").recorded == {"a": "l_a", "b": "b"}
