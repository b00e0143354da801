# SPDX-License-Identifier: Apache-2.0
"""Whether packages in an image's rpm database are as their makers signed them.

rpm keeps the signature over a package's header, and the header as it was signed, of everything it installs. The header
states the digest of each of the package's files, so whoever signed it vouches for them; that the files are still those,
custody tells.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from tidegate.development.commits.openpgp import OpenPgpKeys, open_keys
from tidegate.development.commits.signature import SignatureFinding
from tidegate.development.git.objects import Signed
from tidegate.development.origin.verdict import Standing, Told
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.evidence.predicates.commits import SignatureState
from tidegate.scan.cataloger import ImageFile
from tidegate.scan.catalogers.rpm import KEYS, headers_in, version_in
from tidegate.scan.catalogers.rpm_header import Header, Tag
from tidegate.scan.catalogers.rpm_region import SignedRegion, signed_region

MAX_VERIFIED: Final = 10_000
"""Packages of one image; gpg takes some milliseconds for each signature."""

InstalledPackage = tuple[str, str, str, str]
"""Path of the database, name, version and architecture."""

_WORST_FIRST: Final = (Standing.CONTRADICTED, Standing.CLAIMED, Standing.PROVED)


def verify_installed(databases: Mapping[str, bytes], *, openpgp: bytes) -> Mapping[InstalledPackage, Told]:
    """Verifies what rpm kept of each installed package; of two under one name the worse counts.

    Args:
        databases: content of rpm's databases by their path in the image.
        openpgp: exported keys of the makers.

    Raises:
        BoundExceededError: over `MAX_VERIFIED`.
        InvalidInputError: there is no key in `openpgp`, or a file is no database of rpm.
        OutsideError: gpg cannot be run.
    """
    found: dict[InstalledPackage, Told] = {}
    left = MAX_VERIFIED
    with open_keys(openpgp, where="archive keys") as keys:
        for path, content in databases.items():
            for blob in headers_in(ImageFile(path=path, content=content)):
                if isinstance(blob, InvalidInputError):
                    continue  # no component came of it either
                told = _judge(blob, keys, path)
                if told is None:
                    continue
                left -= 1
                if left < 0:
                    raise BoundExceededError("MAX_VERIFIED", MAX_VERIFIED, where=path)
                package, standing = told
                found[package] = _worst((standing, found.get(package, standing)))
    return found


def _judge(blob: bytes, keys: OpenPgpKeys, path: str) -> tuple[InstalledPackage, Told] | None:
    """What is known of one header; None when it is none, or a key's."""
    try:
        header = Header(blob)
        name, version = header.string(Tag.NAME), version_in(header)
        package = (path, name, version, header.string(Tag.ARCH))
    except InvalidInputError:
        return None
    if name == KEYS:
        return None
    try:
        region = signed_region(blob)
    except InvalidInputError as error:
        return package, Told(standing=Standing.CLAIMED, why=f"its signature cannot be verified: {error.what}")
    return package, judge_region(
        region, [keys.find(Signed(payload=region.signed, signature=it)) for it in region.signatures]
    )


def judge_region(region: SignedRegion, found: Sequence[SignatureFinding]) -> Told:
    """What signatures and digests of one header say, one finding for each of `signatures`; pure."""
    if region.added:
        why = f"its database entry tells what was never signed: {', '.join(region.added)}"
        return Told(standing=Standing.CONTRADICTED, why=why)
    for said, made in ((region.sha256, hashlib.sha256), (region.sha1, hashlib.sha1)):
        if said and said != made(region.signed).hexdigest():
            return Told(standing=Standing.CONTRADICTED, why="its header is not the one its digest is of")
    if any(it.state is SignatureState.BAD and not it.is_weak for it in found):
        return Told(standing=Standing.CONTRADICTED, why="its header is not the one that was signed")
    good = [it for it in found if it.state is SignatureState.GOOD]
    if good:
        return Told(standing=Standing.PROVED, why=f"its header is signed by {good[0].key[:16]}")
    if not found:
        return Told(standing=Standing.CLAIMED, why="the package was not signed")
    return Told(standing=Standing.CLAIMED, why=f"no signature that counts: {_reason(found[0])}")


def _reason(finding: SignatureFinding) -> str:
    return f"{finding.state.value} {finding.key[:16]} {finding.detail}".strip()


def _worst(told: Iterable[Told]) -> Told:
    return min(told, key=lambda it: _WORST_FIRST.index(it.standing))
