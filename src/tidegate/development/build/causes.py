# SPDX-License-Identifier: Apache-2.0
"""Why a file comes out otherwise each time, by what it is and where two of it part, and what helps. Pure."""

import re
from enum import StrEnum
from typing import Final

_HELP: Final = {
    "python-bytecode": "let py_compile hash its sources: ARG SOURCE_DATE_EPOCH before the RUN, or "
    "pip install --no-compile, or PYTHONDONTWRITEBYTECODE=1",
    "gzip-time": "pack with gzip -n",
    "zip-time": "give the archiver its moment: zip -X after touch -d @$SOURCE_DATE_EPOCH, or the tool's own option",
    "archive-time": "use ar and ranlib with D (deterministic), as ARFLAGS=Dcr",
    "build-id": "link with -Wl,--build-id=none or from a fixed path (-ffile-prefix-map=$PWD=.); Go: -trimpath "
    "-ldflags=-buildid=",
    "moment": "write $SOURCE_DATE_EPOCH instead of the clock: ARG SOURCE_DATE_EPOCH, then date -u -d "
    "@$SOURCE_DATE_EPOCH",
    "random": "derive it from the sources, or make it when the container starts",
    "log": "delete it in the same RUN: rm -rf /var/log/* /var/cache/ldconfig",
    "cache": "delete it in the same RUN, or keep it out with RUN --mount=type=cache",
    "package-lists": "pin the packages' versions and their snapshot; delete lists in the same RUN",
    "machine-id": "empty it in the same RUN: : > /etc/machine-id",
    "order": "sort what is written, as find gives files in any order",
    "temporary": "delete it in the same RUN; name temporary files yourself",
}


class Cause(StrEnum):
    """Known causes."""

    BYTECODE = "python-bytecode"
    GZIP = "gzip-time"
    ZIP = "zip-time"
    ARCHIVE = "archive-time"
    BUILD_ID = "build-id"
    MOMENT = "moment"
    RANDOM = "random"
    LOG = "log"
    CACHE = "cache"
    PACKAGE_LISTS = "package-lists"
    MACHINE_ID = "machine-id"
    ORDER = "order"
    TEMPORARY = "temporary"

    @property
    def remedy(self) -> str:
        """What helps."""
        return _HELP[self.value]


_PLACES: Final = (
    (re.compile(r"^\.?/?var/log/"), Cause.LOG),
    (
        re.compile(r"^\.?/?var/lib/apt/lists/|^\.?/?lib/apk/db/|^\.?/?var/cache/(?:apt|apk|dnf|yum)/"),
        Cause.PACKAGE_LISTS,
    ),
    (re.compile(r"/\.cache/|^\.?/?var/cache/|/node_modules/\.cache/"), Cause.CACHE),
    (re.compile(r"^\.?/?etc/machine-id$|^\.?/?var/lib/dbus/machine-id$"), Cause.MACHINE_ID),
    (re.compile(r"^\.?/?(?:var/)?tmp/"), Cause.TEMPORARY),
)
_MOMENT: Final = re.compile(
    rb"\b20\d\d-[01]\d-[0-3]\d[T ][0-2]\d:[0-5]\d(?::[0-6]\d(?:\.\d+)?)?"
    rb"|\b[0-2]\d:[0-5]\d:[0-6]\d\b|\b1[5-9]\d{8}(?:\.\d+)?\b|\b2[0-9]\d{8}\b"
)
_TEXT_BYTES: Final = 1 << 20
_NOTE: Final = b".note.gnu.build-id"
_ID_BYTES: Final = 20


def cause_of(path: str, first: bytes, second: bytes) -> Cause | None:
    """The cause, or None when nothing known fits.

    Args:
        path: of the file.
        first: its content in the first build, at least its beginning.
        second: the same of the second.
    """
    for head, cause in (
        (b"\x1f\x8b", Cause.GZIP),
        (b"PK\x03\x04", Cause.ZIP),
        (b"!<arch>\n", Cause.ARCHIVE),
    ):
        if first.startswith(head) and second.startswith(head):
            return cause
    if path.endswith((".pyc", ".pyo")):
        return Cause.BYTECODE
    if first.startswith(b"\x7fELF") and second.startswith(b"\x7fELF"):
        return _of_program(first, second)
    for place, cause in _PLACES:
        if place.search(path):
            return cause
    return _of_text(first, second) if first and second else None


def _of_program(first: bytes, second: bytes) -> Cause | None:
    if len(first) != len(second):
        return _of_text(first, second)
    parts = [at for at, (a, b) in enumerate(zip(first, second, strict=True)) if a != b]
    if parts and parts[-1] - parts[0] < _ID_BYTES + 4 and (_NOTE in first or b"GNU\0" in first):
        return Cause.BUILD_ID
    return _of_text(first, second)


def _of_text(first: bytes, second: bytes) -> Cause | None:
    first, second = first[:_TEXT_BYTES], second[:_TEXT_BYTES]
    if _MOMENT.search(first) and _MOMENT.sub(b"", first) == _MOMENT.sub(b"", second):
        return Cause.MOMENT
    one, other = first.splitlines(), second.splitlines()
    if len(one) > 1 and sorted(one) == sorted(other):
        return Cause.ORDER
    if len(first) == len(second) and first:
        return Cause.RANDOM
    return None
