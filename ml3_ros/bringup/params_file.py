# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parameter file of the user: what `params_file:=` sets for the nodes of a system.

It is read here and passed on as single parameters (`-p name:=value`). ROS itself would let a
node's own name in a file win over these, so that `NODE.PARAMETER:=VALUE` had no effect.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from difflib import get_close_matches

import yaml

from ml3_ros.errors import ConfigError, DataError
from ml3_ros.files import user_path

KEY = "ros__parameters"
ENDLESS = 2**31 - 1  # characters of a line


def read_params_file(
    path: str, nodes: Iterable[str], namespace: str, *, shared: bool = False
) -> dict[str, dict[str, str]]:
    """Read a ROS 2 parameter file.

    Args:
        path: Of the file; ~ is the home folder.
        nodes: Names of the system's nodes.
        namespace: That they are in; empty: the root.
        shared: Whether the file may be for other nodes, too, or for them alone, as that of a
            launch file which includes the system.

    Returns:
        Parameters by node, each value as YAML text. A name without a namespace fits a node in any
        namespace; `*` stands for one name and `**` for any number of them. Wildcards are weaker
        than names, wherever they stand in the file, and a name alone is weaker than one with its
        namespace. Among equals the last one wins, as in ROS.

    Raises:
        ConfigError: There is no such file, it is not a parameter file; or it is not `shared` and
            has a section for no node of the system, or none that fits.
    """
    entries: dict[str, dict[str, str]] = {}
    try:
        text = user_path(path).read_text(encoding="utf-8")
        _collect(yaml.compose(text, yaml.SafeLoader), "", entries)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise ConfigError(f"params_file {path} cannot be read: {reason}") from None
    except (ConfigError, DataError) as error:
        raise ConfigError(f"params_file {path}: {error}") from None
    given: dict[str, dict[str, str]] = {name: {} for name in nodes}
    if not shared:
        for pattern in entries:
            _check_known(path, pattern, given)
    for pattern in sorted(entries, key=_strength):
        for name in given:
            if _fits(pattern, namespace, name):
                given[name] |= entries[pattern]
    if not shared and not any(given.values()):
        raise ConfigError(
            f"params_file {path} is for {', '.join(entries) or 'no node'}: name one of "
            f"{', '.join(given)}, or /**"
        )
    return given


def _collect(node: yaml.Node | None, prefix: str, entries: dict[str, dict[str, str]]) -> None:
    """Add the parameters below `node` to entries, by the name that they stand under."""
    if not isinstance(node, yaml.MappingNode):
        raise ConfigError(f"write NODE: {{{KEY}: {{parameter: value}}}}")
    for key, value in node.value:
        if key.value != KEY:
            _collect(value, f"{prefix}/{key.value.strip('/')}" if prefix else key.value, entries)
        elif not prefix or not isinstance(value, yaml.MappingNode):
            raise ConfigError(f"{KEY} stands below the name of a node and holds parameter: value")
        else:
            entries.setdefault(prefix, {}).update(_flat(value, ""))


def _flat(node: yaml.MappingNode, prefix: str) -> dict[str, str]:
    """Return the values as they are written, nested names joined by dots."""
    flat: dict[str, str] = {}
    for key, value in node.value:
        if isinstance(value, yaml.MappingNode):
            flat |= _flat(value, f"{prefix}{key.value}.")
        else:
            if isinstance(value, yaml.SequenceNode):
                value.flow_style = True
            text = yaml.serialize(value, Dumper=yaml.SafeDumper, width=ENDLESS)
            flat[f"{prefix}{key.value}"] = text.removesuffix("...\n").strip()
    return flat


def _check_known(path: str, pattern: str, nodes: Collection[str]) -> None:
    """Reject a section whose node is none of the system's, in whatever namespace."""
    last = pattern.rpartition("/")[2]
    if any(re.fullmatch(_regex(last), f"/{name}") for name in nodes):
        return
    close = get_close_matches(last, nodes, n=1)
    hint = f"did you mean {close[0]}?" if close else f"the nodes are {', '.join(nodes)}"
    raise ConfigError(f"params_file {path}: this system has no node {pattern}; {hint}")


def _strength(pattern: str) -> int:
    """Return a key that sorts what is stronger behind what is weaker."""
    return 0 if "*" in pattern else 1 + ("/" in pattern)


def _fits(pattern: str, namespace: str, name: str) -> bool:
    full = "/".join(["", *filter(None, namespace.split("/")), name])
    place = "" if "/" in pattern else r"(/\w+)*"
    return re.fullmatch(place + _regex(pattern), full) is not None


def _regex(pattern: str) -> str:
    """Return the regular expression of full names that a pattern with ROS's wildcards fits."""
    tokens = pattern.strip("/").split("/")
    return "".join(
        r"(/\w+)*" if token == "**" else "/" + re.escape(token).replace(r"\*", r"\w*")
        for token in tokens
    )
