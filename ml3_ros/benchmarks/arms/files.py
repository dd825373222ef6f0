# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Public recordings of real arms: the manifest, and its files by SHA-256, found or downloaded."""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from ml3_ros.data.bags.reader import read_joint_states
from ml3_ros.data.columns.mapping import mapping_of
from ml3_ros.data.columns.reader import read_mapped
from ml3_ros.data.recording import JointRecording
from ml3_ros.errors import DataError
from ml3_ros.files import write_atomically
from ml3_ros.identification.split import SplitConfig
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot, package_file

RAW = "https://raw.githubusercontent.com"
LARGEST = 50_000_000  # [bytes] no file of the manifest comes near it


@dataclass(frozen=True, kw_only=True, slots=True)
class PublicFile:
    """A file of a repository at a commit."""

    name: str
    url: str
    sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PublicArm:
    """A recording of a real arm that others have published, and the arm's URDF.

    One of `bag`, `mapping` and `table` says how it is read; a table has no URDF.
    """

    name: str
    title: str
    arm: str
    source: str
    licence: str
    files: tuple[PublicFile, ...]
    bag: str | None
    mapping: Mapping[str, Any] | None
    table: str | None
    urdf: str | None
    package_urdf: str | None
    block: float  # length of the blocks that it is cut into [s]

    def read(self, folder: Path, joints: tuple[str, ...] | None = None) -> JointRecording:
        """Read the recording from the files in `folder`."""
        if self.bag is not None:
            return read_joint_states(folder / self.bag, None, joints)
        return read_mapped(mapping_of(dict(self.mapping or {}), folder), self.name, joints)

    def model(self, folder: Path) -> PinocchioModel:
        """Return the model of the recorded joints."""
        if self.package_urdf is not None:
            path = package_file(self.package_urdf)
        elif self.urdf is not None:
            path = folder / self.urdf
        else:
            raise DataError(f"{self.title} has no URDF: read its table")
        return PinocchioModel(load_robot(path, joints=self.read(folder).names, simulated=False))


def manifest(base: str = RAW) -> tuple[PublicArm, ...]:
    """Return the public arms; `base` is where repositories are served file by file."""
    text = resources.files(__package__).joinpath("manifest.yaml").read_text(encoding="utf-8")
    arms = []
    for name, entry in yaml.safe_load(text).items():
        at = f"{base}/{entry['repository']}/{entry['commit']}"
        arms.append(
            PublicArm(
                name=name,
                title=entry["title"],
                arm=entry["arm"],
                source=f"{entry['repository']}@{entry['commit'][:8]}",
                licence=entry["licence"],
                files=tuple(
                    PublicFile(name=file, url=f"{at}/{where['path']}", sha256=where["sha256"])
                    for file, where in entry["files"].items()
                ),
                bag=entry.get("bag"),
                mapping=entry.get("mapping"),
                table=entry.get("table"),
                urdf=entry.get("urdf"),
                package_urdf=entry.get("package_urdf"),
                block=entry.get("block", SplitConfig().block),
            )
        )
    return tuple(arms)


def find(arm: PublicArm, folders: list[Path]) -> dict[str, Path]:
    """Return the arm's files by name that are somewhere in `folders`, with the right content."""
    found: dict[str, Path] = {}
    for file in arm.files:
        for folder in folders:
            for path in sorted(folder.rglob(file.name)):
                if path.is_file() and sha256(path.read_bytes()) == file.sha256:
                    found.setdefault(file.name, path)
    return found


def collect(arm: PublicArm, folders: list[Path], out: Path, *, fetch: bool) -> list[str]:
    """Link the arm's files into the folder `out`; return the names of those that are missing.

    Args:
        arm: Of the manifest.
        folders: Where files are looked for.
        out: Where links, and what is downloaded, go.
        fetch: Whether files that are not there are downloaded.

    Raises:
        DataError: A download fails, or its content is not what the manifest expects.
    """
    out.mkdir(parents=True, exist_ok=True)
    found = find(arm, [*folders, out])
    missing = []
    for file in arm.files:
        target = out / file.name
        if file.name in found:
            if found[file.name].resolve() != target.resolve():
                target.unlink(missing_ok=True)
                target.symlink_to(found[file.name].resolve())
        elif fetch:
            write_atomically(target, download(file))
        else:
            missing.append(file.name)
    return missing


def download(file: PublicFile) -> bytes:
    """Return the content of a file, compared with its SHA-256.

    Raises:
        DataError: It cannot be had, or is another one.
    """
    try:
        with urllib.request.urlopen(file.url, timeout=60.0) as response:
            content: bytes = response.read(LARGEST + 1)
    except (OSError, urllib.error.URLError) as error:
        raise DataError(
            f"{file.url} cannot be downloaded ({error}): try again, or put {file.name} into the "
            "folder given as --data"
        ) from error
    if sha256(content) != file.sha256:
        raise DataError(
            f"{file.url} is not the file that was expected (SHA-256 {sha256(content)[:12]}..., "
            f"not {file.sha256[:12]}...): it is not used"
        )
    return content


def sha256(content: bytes) -> str:
    """Return the SHA-256 of `content` in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()
