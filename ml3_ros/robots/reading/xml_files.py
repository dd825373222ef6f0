# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""XML of robot files: read as text, through xacro where that is needed, and parsed safely."""

from __future__ import annotations

import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

from ml3_ros.errors import RobotError

_XACRO_SECONDS = 60.0
_MACROS = ("${", "$(")  # how xacro writes what it puts in


@dataclass(frozen=True, kw_only=True, slots=True)
class RobotFile:
    """A robot file: where it is, its text, and the root element of that."""

    path: Path
    text: str
    root: ElementTree.Element

    def place_of(self, tag: str, name: str) -> str:
        """Return the file's path, and the line of the element `tag` of that name if it is found.

        The line is that of the file itself, so none is told of a file that xacro expanded.
        """
        start = rf"<{tag}\b[^>]*?\bname\s*=\s*[\"']{re.escape(name)}[\"']"
        found = None if self.path.suffix == ".xacro" else re.search(start, self.text)
        if found is None:
            return str(self.path)
        return f"{self.path}, line {self.text.count(chr(10), 0, found.start()) + 1}"


def read_robot_file(path: Path) -> RobotFile:
    """Read a robot file; one with xacro's macros is expanded first.

    Raises:
        RobotError: The file is missing, not XML, or declares a document type; or it has macros
            and xacro is missing or cannot expand them.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RobotError(
            f"cannot read {path} ({error.strerror}): give the path of a .urdf or .xml file"
        ) from None
    return robot_file(data, path)


def robot_file(data: bytes, path: Path) -> RobotFile:
    """Return a robot file from its content; `path` is where it was, for sentences and meshes.

    Raises:
        RobotError: As `read_robot_file`.
    """
    root = parse_root(data, str(path))
    if path.suffix == ".xacro" or _has_macros(root):
        data = _expanded(path)
        root = parse_root(data, f"what xacro made of {path}")
    try:
        text = data.decode()
    except UnicodeDecodeError:  # the file declares another encoding, which the parser knows
        text = ElementTree.tostring(root, encoding="unicode")
    return RobotFile(path=path, text=text, root=root)


def _has_macros(root: ElementTree.Element) -> bool:
    """Return whether links and joints of a URDF wait for xacro."""
    if any("xacro" in element.tag.partition("}")[0] for element in root.iter()):
        return True
    own = [e for child in root if child.tag in ("link", "joint") for e in child.iter()]
    return any(mark in value for e in own for value in e.attrib.values() for mark in _MACROS)


def _expanded(path: Path) -> bytes:
    """Return what xacro makes of a file."""
    stem = path.name.removesuffix(".xacro").removesuffix(".urdf")
    out = f"{stem}.urdf" if path.suffix == ".xacro" else f"{stem}_expanded.urdf"
    command = f"`xacro {path} > {out}`"
    program = shutil.which("xacro")
    if program is None:
        raise RobotError(f"{path} is a xacro file: run {command} first and give {out}")
    try:
        done = subprocess.run(
            [program, str(path)], capture_output=True, timeout=_XACRO_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", None) or str(error).encode()
        reason = (said.decode(errors="replace").strip().splitlines() or ["no reason given"])[-1]
        raise RobotError(
            f"xacro cannot expand {path} ({reason}): run {command} with the arguments that the "
            f"file needs, and give {out}"
        ) from None
    return done.stdout


def parse_root(text: str | bytes, what: str) -> ElementTree.Element:
    """Return the root element of a robot file's content.

    Raises:
        RobotError: `what` is not XML, or declares a document type: entities could pull in other
            files or grow without bound, and no robot needs them.
    """
    try:
        return ElementTree.fromstring(text, parser=ElementTree.XMLParser(target=_NoDoctype()))
    except (ElementTree.ParseError, ValueError) as error:
        raise RobotError(
            f"{what} is not well-formed XML ({error}): repair or export it again"
        ) from None


class _NoDoctype(ElementTree.TreeBuilder):
    """Builds a tree, but rejects a document type before anything in it is read."""

    def doctype(self, *_: object) -> None:
        raise RobotError("the robot file declares a DOCTYPE: remove it, entities are not read")
