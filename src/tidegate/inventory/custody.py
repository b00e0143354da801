# SPDX-License-Identifier: Apache-2.0
"""Chain of custody: who brought each file of an image, and whether it is still as its maker made it."""

from enum import StrEnum

from tidegate.artifact import Digest
from tidegate.inventory.component import PackageUrl
from tidegate.values import Struct


class Origin(StrEnum):
    """Who answers for a file."""

    DISTRO = "distro"
    """A package of the operating system owns it."""
    UPSTREAM = "upstream"
    """A package of a language's registry owns it, or it is a program that was recognised."""
    IN_HOUSE = "in-house"
    """A build instruction of the image's own makers brought it (COPY, ADD, or a stated source folder)."""
    UNEXPLAINED = "unexplained"
    """Nobody answers for it."""


class Integrity(StrEnum):
    """Whether a file is as its package says."""

    UNCHANGED = "unchanged"
    MODIFIED = "modified"
    MISSING = "missing"
    """The package says it is there and it is not."""
    ADDED = "added"
    """No package speaks of it."""
    UNCHECKED = "unchecked"
    """Owned, but its package states no checksum (or one that was not computed)."""


class FileNature(StrEnum):
    """What a file's first bytes say it is."""

    DATA = "data"
    PROGRAM = "program"
    """ELF, PE or Mach-O."""
    SCRIPT = "script"
    """Begins with `#!`."""


class FileCustody(Struct, frozen=True, kw_only=True):
    """One file of an image.

    Attributes:
        path: in the image, no leading slash.
        layer: the layer (compressed digest) whose bytes are seen; None for one that is missing.
        package: that owns it; None when none does.
        digest: of its content; None for a link or one that is missing.
        mode: permission bits with setuid, setgid and sticky.
        is_configuration: people are meant to change it.
    """

    path: str
    origin: Origin
    integrity: Integrity
    layer: Digest | None = None
    package: PackageUrl | None = None
    digest: Digest | None = None
    size: int = 0
    mode: int = 0
    nature: FileNature = FileNature.DATA
    is_configuration: bool = False

    @property
    def is_executable(self) -> bool:
        """True for a program or a script that somebody may execute."""
        return self.nature is not FileNature.DATA and bool(self.mode & 0o111)


class Share(Struct, frozen=True, kw_only=True):
    """How much of an image is of one origin: regular files, their bytes, and how many of them are executable."""

    origin: Origin
    files: int
    bytes: int
    executables: int


class Custody(Struct, frozen=True, kw_only=True):
    """The custody of all files of an image, with those a person should look at by name.

    Attributes:
        shares: one for each origin, in the order of `Origin`.
        modified: files of packages that are not as their package says, configuration included.
        missing: files of packages that are not there.
        unexplained: executables nobody answers for.
        in_house: executables of the image's own makers.
        unchecked: owned files whose package states no checksum.
        left_out: files of packages that are not there on purpose: documentation, translations, and what the
            package manager was told to leave out; they are not among `missing`.
        truncated: true when a list was cut at its bound (counts in `shares` are whole all the same).
    """

    shares: tuple[Share, ...]
    modified: tuple[FileCustody, ...] = ()
    missing: tuple[FileCustody, ...] = ()
    unexplained: tuple[FileCustody, ...] = ()
    in_house: tuple[FileCustody, ...] = ()
    unchecked: int = 0
    left_out: int = 0
    truncated: bool = False


class Census(Struct, frozen=True, kw_only=True):
    """What checks of an image's configuration ask of its visible files; paths sorted.

    Attributes:
        setuid: regular files with setuid or setgid and an execute bit.
        world_writable: files anybody may write, and folders anybody may write without the sticky bit.
        shells: shells a person could work in (`bin/sh`, `usr/bin/bash`, busybox).
        package_managers: programs that install packages (`usr/bin/apt`, `sbin/apk`, `usr/local/bin/pip`).
        truncated: true when a list was cut at its bound.
    """

    files: int = 0
    bytes: int = 0
    setuid: tuple[str, ...] = ()
    world_writable: tuple[str, ...] = ()
    shells: tuple[str, ...] = ()
    package_managers: tuple[str, ...] = ()
    truncated: bool = False
