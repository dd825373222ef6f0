# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Names of joints in a recording or stream that differ from those of the model.

A rule of a renaming is a prefix that the recorded names have in front (`left_`), one joint
(`RECORDED=MODEL`), or a pattern with one `*` on either side (`fer_*=panda_*`). Without rules the
prefix is found where exactly one tells all names apart.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from ml3_ros.errors import DataError

HOW = "name them by rename=PREFIX or rename=RECORDED=NAME,..."
FEWEST = 2  # joints that a prefix explains, where not all are recorded
_SIDES = ({"left", "l"}, {"right", "r"})


@dataclass(frozen=True, kw_only=True, slots=True)
class NamesFound:
    """Recorded name of each joint of the model, and a sentence where they differ."""

    recorded: Mapping[str, str] = field(default_factory=dict)
    sentence: str = ""


def find_names(
    known: Collection[str], wanted: Sequence[str], rename: str | Sequence[str] = ()
) -> NamesFound:
    """Find under which recorded names the joints of a model come.

    Args:
        known: Names in the recording.
        wanted: Names of the model's joints; those that are not recorded are left out of the
            result, so the caller decides whether that is an error.
        rename: Rules, see the module; of a text, separated by commas.

    Raises:
        DataError: A rule cannot be used, or several prefixes fit equally well.
    """
    rules = parse_rules(rename)
    if rules:
        renamed = _renamed(known, rules)
        found = {name: renamed[name] for name in wanted if name in renamed}
        return NamesFound(recorded=found, sentence=_sentence(found, "by rename"))
    if not wanted or any(name in known for name in wanted):
        return NamesFound(recorded={name: name for name in wanted if name in known})
    fitting = _prefixes(known, wanted)
    if not fitting:
        return NamesFound()
    if len(fitting) > 1:
        choices = " or ".join(f"rename={_rule(*rule)}" for rule in sorted(fitting))
        raise DataError(f"several prefixes fit the joints' names: choose {choices}")
    recorded, model = fitting[0]
    found = _under(recorded, model, known, wanted)
    return NamesFound(
        recorded=found, sentence=_sentence(found, f"as by rename={_rule(recorded, model)}")
    )


def rename_all(known: Sequence[str], rename: str | Sequence[str]) -> NamesFound:
    """Return all recorded names under what a renaming makes of them, in their order.

    Raises:
        DataError: A rule cannot be used.
    """
    renamed = {old: new for new, old in _renamed(known, parse_rules(rename)).items()}
    found = {renamed[name]: name for name in known if name in renamed}
    return NamesFound(recorded=found, sentence=_sentence(found, "by rename"))


def parse_rules(rename: str | Sequence[str]) -> list[tuple[str, str]]:
    """Return (recorded, model) patterns of a renaming; both hold one `*`, or none.

    Raises:
        DataError: A rule cannot be used.
    """
    words = rename.split(",") if isinstance(rename, str) else rename
    rules = []
    for word in filter(None, (word.strip() for word in words)):
        recorded, equals, model = word.partition("=")
        rule = (recorded, model) if equals else (f"{word}*", "*")
        stars = [side.count("*") for side in rule]
        if not all(rule) or stars[0] != stars[1] or stars[0] > 1:
            raise DataError(
                f"rename={word} cannot be used: give a prefix of the recorded names, "
                "RECORDED=NAME, or a pattern as fer_*=panda_*"
            )
        rules.append(rule)
    return rules


def _renamed(known: Collection[str], rules: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return the recorded name by that of the model; names that no rule is for stay."""
    renamed: dict[str, str] = {}
    taken = set()
    for recorded, model in rules:
        before, star, after = recorded.partition("*")
        for name in known:
            fits = (
                name.startswith(before)
                and name.endswith(after)
                and len(name) >= len(before) + len(after)
                if star
                else name == recorded
            )
            if fits:
                middle = name[len(before) : len(name) - len(after)]
                renamed.setdefault(model.replace("*", middle), name)
                taken.add(name)
    return {name: name for name in known if name not in taken} | renamed


def _prefixes(known: Collection[str], wanted: Sequence[str]) -> list[tuple[str, str]]:
    """Return the pairs (recorded, model) of prefixes under which most wanted names are known.

    Prefixes that are put in front or taken off come before those that replace another one, which
    must fit all names. Of a few joints that are recorded, two at least must fit.
    """
    rules = {
        (name[:-shared], one[:-shared])
        for name in known
        for one in wanted
        if (shared := _common_end(name, one)) and not _other_side(name, one)
    }
    fits = {rule: len(_under(*rule, known, wanted)) for rule in rules}
    pure = {rule: count for rule, count in fits.items() if not all(rule)}
    most = max(pure.values(), default=0)
    if most >= min(FEWEST, len(wanted)):
        return [rule for rule, count in pure.items() if count == most]
    whole = [rule for rule, count in fits.items() if count == len(wanted)]
    # one joint alone can be given any name by replacing a prefix
    return whole if len(wanted) > 1 else []


def _under(
    recorded: str, model: str, known: Collection[str], wanted: Sequence[str]
) -> dict[str, str]:
    """Return the recorded name of each wanted one that is known under these prefixes."""
    pairs = {name: recorded + name[len(model) :] for name in wanted if name.startswith(model)}
    return {name: other for name, other in pairs.items() if other in known}


def _common_end(first: str, second: str) -> int:
    """Return how many characters at their ends two names share."""
    pairs = zip(reversed(first), reversed(second), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _other_side(recorded: str, model: str) -> bool:
    """Return whether one name is of a left arm and the other of a right one."""
    first, second = (set(x.lower().replace("-", "_").split("_")) for x in (recorded, model))
    left, right = _SIDES
    return bool((first & left and second & right) or (first & right and second & left))


def _rule(recorded: str, model: str) -> str:
    return f"{recorded}*={model}*" if model else recorded


def _sentence(found: Mapping[str, str], how: str) -> str:
    changed = [(old, new) for new, old in found.items() if old != new]
    if not changed:
        return ""
    more = ", ..." if len(changed) > 1 else ""
    return f"{changed[0][0]} is taken for {changed[0][1]} of the model{more} ({how})"
