# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Topic of a bag that carries the joints that are wanted, and the names it gives them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rosbags.interfaces import Connection
from rosbags.typesys import Stores, get_typestore

from ml3_ros.data.bags.files import (
    JOINT_STATE,
    Opened,
    damaged,
    joint_state_messages,
    storages,
)
from ml3_ros.data.repair.names import HOW, NamesFound, find_names
from ml3_ros.errors import DataError
from ml3_ros.files import user_path

LOOKED_AT = 500  # first messages of a topic that tell which joints it carries
_STORE = get_typestore(Stores.ROS2_KILTED)


@dataclass(frozen=True, kw_only=True, slots=True)
class TopicChoice:
    """Topic that is read, which recorded name each joint has, and a sentence on the choice.

    Without wanted joints `names` is empty: those of the messages are taken.
    """

    topic: str
    names: NamesFound = field(default_factory=NamesFound)
    sentence: str = ""


def joint_state_topics(path: str | Path) -> dict[str, int]:
    """Return {topic: messages} of every JointState topic in the bag at `path`."""
    counts: Counter[str] = Counter()
    for file in storages(user_path(path)):
        with Opened(file) as reader:
            for connection in reader.connections:
                if connection.msgtype == JOINT_STATE:
                    counts[connection.topic] += connection.msgcount
    return dict(counts)


def choose_topic(
    path: Path, topic: str | None, joints: Sequence[str] | None, rename: str | Sequence[str]
) -> TopicChoice:
    """Return the topic to read: the one that was asked for, or the only one with all the joints.

    Raises:
        DataError: There is none, or several fit and none was asked for.
    """
    topics = joint_state_topics(path)
    if not topics:
        raise DataError(f"{path} holds no {JOINT_STATE} topic: record joint_states")
    if topic is not None:
        topics = {_asked_for(path, topic, topics): 1}
    heads = {name: _Head.of(path, name) for name in topics}
    if joints is None:
        if len(topics) > 1:
            raise DataError(_which(path, "several joint-state topics", heads))
        return TopicChoice(topic=next(iter(topics)))
    wanted = tuple(joints)
    found = {name: find_names(head.names, wanted, rename) for name, head in heads.items()}
    if not any(head.messages for head in heads.values()):
        raise DataError(f"topic {next(iter(heads))} of {path} holds no message: record it again")
    whole = [name for name in heads if wanted and len(found[name].recorded) == len(wanted)]
    if not whole:
        raise DataError(_missing(path, wanted, heads, found))
    chosen = whole
    if len(whole) > 1:
        same = [name for name in whole if not found[name].sentence]
        measured = [name for name in whole if heads[name].measures]
        chosen = next((some for some in (measured, same) if len(some) == 1), whole)
    if len(chosen) > 1:
        raise DataError(
            _which(path, "the joints on several topics", {name: heads[name] for name in chosen})
        )
    name = chosen[0]
    sentence = (
        f"{name} is read, one of {len(heads)} joint-state topics" if heads.keys() - {name} else ""
    )
    return TopicChoice(topic=name, names=found[name], sentence=sentence)


def recorded_joints(
    path: Path, topic: str | None, known: Sequence[str], rename: str | Sequence[str]
) -> tuple[str, ...]:
    """Return those of some joints that a topic of the bag carries: the topic with most of them.

    Raises:
        DataError: No topic carries any.
    """
    topics = joint_state_topics(path)
    if topic is not None and topics:
        topics = {_asked_for(path, topic, topics): 1}
    heads = {name: _Head.of(path, name) for name in topics}
    found = {name: find_names(head.names, known, rename) for name, head in heads.items()}
    most = max((each.recorded for each in found.values()), key=len, default={})
    if not most:
        choose_topic(path, topic, known, rename)  # its errors say why
    return tuple(name for name in known if name in most)


def decode(raw: bytes, connection: Connection, path: Path) -> Any:
    """Return a joint state from its CDR bytes.

    Raises:
        DataError: It is damaged, or encoded otherwise.
    """
    encoding = getattr(connection.ext, "serialization_format", "cdr")
    if encoding != "cdr":
        raise DataError(f"{path} is encoded as {encoding}: record it with CDR, ROS 2's own")
    try:
        return _STORE.deserialize_cdr(raw, JOINT_STATE)
    except Exception as error:  # a message cut short can raise nearly anything
        raise damaged(path, error) from error


@dataclass(frozen=True, kw_only=True, slots=True)
class _Head:
    """What the first messages of a topic carry: joints' names, and whether efforts vary."""

    messages: int
    names: tuple[str, ...]
    measures: bool

    @staticmethod
    def of(path: Path, topic: str) -> _Head:
        names: dict[str, None] = {}
        efforts: set[tuple[float, ...]] = set()
        messages = list(_first_messages(path, topic))
        for message in messages:
            names |= dict.fromkeys(message.name)
            efforts.add(tuple(message.effort))
        return _Head(messages=len(messages), names=tuple(names), measures=len(efforts) > 1)


def _first_messages(path: Path, topic: str) -> Iterator[Any]:
    notes: list[str] = []
    for i, (connection, _, raw) in enumerate(joint_state_messages(path, topic, notes)):
        if i == LOOKED_AT:
            return
        yield decode(raw, connection, path)


def _asked_for(path: Path, topic: str, topics: dict[str, int]) -> str:
    for name in topics:  # "joint_states" and "/joint_states" are the same in the root namespace
        if name.strip("/") == topic.strip("/"):
            return name
    listed = ", ".join(f"{name} ({count} messages)" for name, count in topics.items())
    raise DataError(f"{path} has no joint-state topic {topic}: it holds {listed}")


def _which(path: Path, what: str, heads: dict[str, _Head]) -> str:
    listed = ", ".join(f"{name} ({', '.join(head.names)})" for name, head in heads.items())
    return f"{path} holds {what}: {listed}; choose one of them by topic={next(iter(heads))}"


def _missing(
    path: Path, wanted: tuple[str, ...], heads: dict[str, _Head], found: dict[str, NamesFound]
) -> str:
    best = max(heads, key=lambda name: len(found[name].recorded))
    missing = [name for name in wanted if name not in found[best].recorded]
    carried = "; ".join(
        f"{name} carries {', '.join(sorted(head.names)) or 'no names'}"
        for name, head in heads.items()
    )
    return f"{path} has no joint {', '.join(missing) or '(none given)'}: {carried}; {HOW}"
