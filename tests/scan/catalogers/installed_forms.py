# SPDX-License-Identifier: Apache-2.0
"""What tests of installed packages share: one cataloger asked for one file, as the analyser asks it."""

from tidegate.errors import InvalidInputError
from tidegate.inventory import FileFacts, Package
from tidegate.scan.cataloger import ImageFile, PartialError
from tidegate.scan.dispatch import Dispatch
from tidegate.scan.roster import CATALOGERS

_DISPATCH = Dispatch(CATALOGERS)


def takers_of(path: str) -> list[str]:
    """Names of the catalogers that take a file at this path."""
    return [cataloger.name for cataloger in _DISPATCH.takers(path.encode())]


def read(path: str, content: bytes) -> tuple[FileFacts, str]:
    """Facts of a file that exactly one cataloger takes, and why they are not all; raises what it raises."""
    (cataloger,) = _DISPATCH.takers(path.encode())
    try:
        return cataloger.catalog(ImageFile(path=path, content=content)), ""
    except PartialError as error:
        return error.facts, error.reason


def packages(path: str, content: bytes) -> list[Package]:
    """Packages of a file that must be read without trouble."""
    facts, reason = read(path, content)
    assert reason == ""
    return list(facts.packages)


def told(path: str, content: bytes) -> list[tuple[str, str]]:
    """Names and versions of a file that must be read without trouble."""
    return [(package.name, str(package.version)) for package in packages(path, content)]


def refusal(path: str, content: bytes) -> str:
    """Why a file is refused; "" when it is not."""
    try:
        read(path, content)
    except InvalidInputError as error:
        return error.what
    return ""
