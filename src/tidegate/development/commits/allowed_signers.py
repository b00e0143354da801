# SPDX-License-Identifier: Apache-2.0
"""OpenSSH's allowed signers file (ssh-keygen(1), "ALLOWED SIGNERS"): whose keys sign for whom, from when to when."""

import base64
import binascii
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Final

from tidegate.bounds import MIB
from tidegate.development.commits.ssh_key import fingerprint
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.values import Struct

MAX_FILE_BYTES: Final = 4 * MIB
MAX_SIGNERS: Final = 10_000
GIT: Final = "git"
"""The namespace that git signs in."""

_OPTION: Final = re.compile(r'([A-Za-z-]+)(?:="([^"]*)")?(?:,|$)')
_KEY_TYPE: Final = re.compile(r"(?:sk-)?(?:ssh|ecdsa)-[a-z0-9@.-]+")
_TIME: Final = re.compile(r"(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?Z?")
_FORMS: Final = frozenset({"cert-authority", "namespaces", "valid-after", "valid-before"})


class AllowedSigner(Struct, frozen=True, kw_only=True):
    """One line.

    Attributes:
        principals: patterns of addresses; one that begins with `!` takes out again.
        blob: the public key on the wire.
        namespaces: patterns of what it signs for; none is anything.
        valid_after: seconds since 1970; None for always.
    """

    principals: tuple[str, ...]
    blob: bytes
    is_authority: bool = False
    namespaces: tuple[str, ...] = ()
    valid_after: int | None = None
    valid_before: int | None = None

    @property
    def key(self) -> str:
        """Its fingerprint."""
        return fingerprint(self.blob)

    def signs_for(self, principal: str) -> bool:
        """True when a name is among its principals."""
        return _matches(self.principals, principal)

    def may_sign(self, namespace: str) -> bool:
        """True when it signs in this namespace."""
        return not self.namespaces or _matches(self.namespaces, namespace)

    def is_valid(self, at: int) -> bool:
        """True at a moment, in seconds since 1970."""
        return (self.valid_after is None or at >= self.valid_after) and (
            self.valid_before is None or at < self.valid_before
        )


def parse_allowed_signers(content: bytes, *, where: str) -> tuple[AllowedSigner, ...]:
    """Reads the file; one line that cannot be read refuses it whole.

    Raises:
        BoundExceededError: over `MAX_FILE_BYTES` or `MAX_SIGNERS`.
        InvalidInputError: a line that is none, with its number.
    """
    if len(content) > MAX_FILE_BYTES:
        raise BoundExceededError("MAX_FILE_BYTES", MAX_FILE_BYTES, where=where)
    found = []
    for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
        text = line.strip()
        if text and not text.startswith("#"):
            found.append(_signer(text, f"{where}:{number}"))
    if len(found) > MAX_SIGNERS:
        raise BoundExceededError("MAX_SIGNERS", MAX_SIGNERS, where=where)
    return tuple(found)


def parse_revoked_keys(content: bytes, *, where: str) -> frozenset[str]:
    """Fingerprints of keys that sign nothing any more: public keys or fingerprints, one a line.

    Raises:
        InvalidInputError: a line that is neither, or OpenSSH's binary list, which is not read.
    """
    if content.startswith(b"SSHKRL"):
        raise InvalidInputError("a binary key revocation list", where=where, remedy="list public keys, one a line")
    found = set()
    for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        at = f"{where}:{number}"
        is_name = words[0].startswith("SHA256:")
        found.add(words[0].rstrip("=") if is_name else fingerprint(_blob(words, at)))
    return frozenset(found)


def _signer(text: str, where: str) -> AllowedSigner:
    principals, _, rest = text.partition(" ")
    words = rest.split(None, 1)
    options: dict[str, str] = {}
    if words and not _KEY_TYPE.fullmatch(words[0]):
        options, rest = _options(rest.lstrip(), where)
    spaces = options.get("namespaces", "")
    return AllowedSigner(
        principals=tuple(it.strip().casefold() for it in principals.strip('"').split(",") if it.strip()),
        blob=_blob(rest.split(), where),
        is_authority="cert-authority" in options,
        namespaces=tuple(it.strip() for it in spaces.split(",") if it.strip()),
        valid_after=_moment(options["valid-after"], where) if "valid-after" in options else None,
        valid_before=_moment(options["valid-before"], where) if "valid-before" in options else None,
    )


def _options(text: str, where: str) -> tuple[dict[str, str], str]:
    """Options, which hold no space outside of quotes, and what follows them."""
    found: dict[str, str] = {}
    at = 0
    while (said := _OPTION.match(text, at)) or (said := re.compile(r'([A-Za-z-]+)(?:="([^"]*)")?').match(text, at)):
        name = said[1].lower()
        if name not in _FORMS or name in found:
            raise InvalidInputError(f"an option that is not known or twice there: {name[:40]}", where=where)
        found[name] = said[2] or ""
        at = said.end()
        if text[at : at + 1].isspace():
            return found, text[at:]
    raise InvalidInputError("no signer: PRINCIPALS [OPTIONS] KEYTYPE KEY", where=where)


def _blob(words: Sequence[str], where: str) -> bytes:
    if len(words) >= 2 and _KEY_TYPE.fullmatch(words[0]):  # noqa: PLR2004 - a type and a key
        try:
            blob = base64.b64decode(words[1], validate=True)
        except (binascii.Error, ValueError) as error:
            raise InvalidInputError("a key that is no base64", where=where) from error
        if blob[4 : 4 + len(words[0])] == words[0].encode():
            return blob
    raise InvalidInputError("no public key of OpenSSH", where=where, remedy="write KEYTYPE and KEY")


def _moment(text: str, where: str) -> int:
    said = _TIME.fullmatch(text)
    if not said:
        raise InvalidInputError(f"not a time: {text[:40]!r}", where=where, remedy="write YYYYMMDD or YYYYMMDDHHMM[SS]Z")
    year, month, day, hour, minute, second = (int(part or 0) for part in said.groups())
    try:
        return int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp())
    except ValueError as error:
        raise InvalidInputError(f"not a time: {text[:40]!r}", where=where) from error


def _matches(patterns: Sequence[str], text: str) -> bool:
    folded = text.strip().casefold()
    if any(fnmatchcase(folded, pattern[1:]) for pattern in patterns if pattern.startswith("!")):
        return False
    return any(fnmatchcase(folded, pattern) for pattern in patterns if not pattern.startswith("!"))
