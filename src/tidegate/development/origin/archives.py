# SPDX-License-Identifier: Apache-2.0
"""Signed indexes of distributions' archives: what they publish, once somebody trusted signed them.

Debian's (`InRelease`, clearsigned, with the sha256 of each `Packages` file; wiki.debian.org/DebianRepository/Format)
and Alpine's (`APKINDEX.tar.gz`: two gzip members, the first a signature over the second as it lies there). An index
proves that the archive publishes a version of a package; that its files are still those, custody tells.
"""

import bz2
import gzip
import hashlib
import io
import lzma
import re
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from tidegate.bounds import MIB, Readable, read_bounded
from tidegate.development.commits.openpgp import open_keys
from tidegate.errors import BoundExceededError, InvalidInputError, RefusedError
from tidegate.values import Struct, field

MAX_INDEX_BYTES: Final = 512 * MIB
"""Of one index, unpacked."""
MAX_PACKAGES: Final = 1_000_000

_CLEARSIGNED: Final = b"-----BEGIN PGP SIGNED MESSAGE-----"
_GZIP: Final = b"\x1f\x8b"
_SUM: Final = re.compile(rb"^ ([0-9a-f]{64}) +[0-9]+ (\S+)$", re.MULTILINE)
_VALID_UNTIL: Final = re.compile(rb"^Valid-Until:[ \t]*(.{0,100})$", re.MULTILINE)
_CHECKSUM: Final = b"C:"
_SIGNATURES: Final[Mapping[str, hashes.HashAlgorithm]] = {
    ".SIGN.RSA.": hashes.SHA1(),  # noqa: S303 - what Alpine signs indexes with
    ".SIGN.RSA256.": hashes.SHA256(),
}

PackageName = tuple[str, str, str]
"""Name, version and architecture."""


class Published(Struct, frozen=True, kw_only=True):
    """What archives publish: for each package which archive, and who signed that.

    Attributes:
        of: `deb` and `apk` to packages to the words for people.
        checksums: of Alpine's packages, of their control segments, as the index writes them (`Q1…`).
    """

    of: Mapping[str, Mapping[PackageName, str]]
    checksums: Mapping[PackageName, AbstractSet[str]] = field(default_factory=dict)

    def by(self, kind: str, package: PackageName) -> str:
        """Who publishes a package; "" when no index lists it."""
        known = self.of.get(kind, {})
        return next((known[name] for name in _names(package) if name in known), "")

    def checksums_of(self, package: PackageName) -> AbstractSet[str]:
        """What the index says a package of Alpine's must be; empty when no index lists it, or states none."""
        return next((self.checksums[name] for name in _names(package) if name in self.checksums), frozenset())


def _names(package: PackageName) -> tuple[PackageName, ...]:
    name, version, _ = package
    return package, (name, version, "all"), (name, version, "noarch")


def read_archives(
    files: Sequence[tuple[str, bytes]], *, openpgp: bytes, rsa_keys: Sequence[bytes], at: datetime | None
) -> Published:
    """Reads indexes; one that nobody trusted signed refuses all.

    Args:
        files: names, for errors, and content: `InRelease`, `Packages` (plain or packed), `APKINDEX.tar.gz`.
        openpgp: exported keys of archives; b"" for none.
        rsa_keys: Alpine's public keys in PEM.
        at: now, for `Valid-Until`; None takes an index that is past it as well.

    Raises:
        BoundExceededError: an index is over `MAX_INDEX_BYTES` or `MAX_PACKAGES`.
        InvalidInputError: a file is none of these.
        RefusedError: an index is signed by nobody trusted or past its `Valid-Until`, or a `Packages` file is listed by
            no signed `InRelease`.
    """
    sums: dict[str, str] = {}
    for name, content in files:
        if content.startswith(_CLEARSIGNED):
            text, signer = _clearsigned(content, openpgp, name)
            _check_valid(text, at, name)
            sums |= {found[1].decode(): f"{_origin(text)}, signed by {signer[:16]}" for found in _SUM.finditer(text)}
    deb: dict[PackageName, str] = {}
    apk: dict[PackageName, str] = {}
    checksums: dict[PackageName, set[str]] = {}
    for name, content in files:
        if content.startswith(_CLEARSIGNED):
            continue
        if content.startswith(_GZIP) and (index := _apk_index(content, rsa_keys, name)) is not None:
            text, who = index
            for package, said in _packages(text, b"P:", b"V:", b"A:", name):
                apk[package] = f"Alpine's archive, signed by {who}"
                if stated := said.get(_CHECKSUM):
                    checksums.setdefault(package, set()).add(stated)
        else:
            who = sums.get(hashlib.sha256(content).hexdigest(), "")
            if not who:
                raise RefusedError("no signed InRelease lists it", where=name, remedy="name its InRelease too")
            text = _unpacked(content, name)
            listed = _packages(text, b"Package:", b"Version:", b"Architecture:", name)
            deb |= dict.fromkeys((package for package, _ in listed), who)
    return Published(of={"deb": deb, "apk": apk}, checksums=checksums)


def _clearsigned(content: bytes, openpgp: bytes, where: str) -> tuple[bytes, str]:
    if not openpgp:
        raise RefusedError("no key of an archive is trusted", where=where, remedy="name --archive-keys")
    with open_keys(openpgp, where="archive keys") as keys:
        return keys.clearsigned(content, where=where)


def _check_valid(text: bytes, at: datetime | None, where: str) -> None:
    """An old index that is signed can be served again to hide newer ones; `Valid-Until` ends that."""
    for said in _VALID_UNTIL.findall(text) if at is not None else ():
        try:
            until = parsedate_to_datetime(said.decode("ascii"))
        except ValueError as error:
            raise InvalidInputError("its Valid-Until is no date", where=where) from error
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
        if at is not None and until < at:
            remedy = "fetch a newer one, or take it with --accept-expired"
            raise RefusedError(f"was valid until {until:%Y-%m-%d %H:%M} UTC", where=where, remedy=remedy)


def _origin(text: bytes) -> str:
    said = {line.partition(b":")[0]: line.partition(b":")[2].strip() for line in text[:4096].splitlines()}
    words = (said.get(b"Origin", b""), said.get(b"Codename", b"") or said.get(b"Suite", b""))
    return b" ".join(filter(None, words)).decode("utf-8", "replace")[:100] or "an archive"


def _apk_index(content: bytes, rsa_keys: Sequence[bytes], where: str) -> tuple[bytes, str] | None:
    """The index and the key that signed it; None when this is no index of Alpine's."""
    first = zlib.decompressobj(31)
    try:
        head = first.decompress(content, MIB)
    except zlib.error as error:
        raise InvalidInputError("not gzip", where=where) from error
    signature = _member(head, tuple(_SIGNATURES)) if first.eof else None
    if signature is None:
        return None
    name, raw = signature
    digest = next(kind for prefix, kind in _SIGNATURES.items() if name.startswith(prefix))
    for pem in rsa_keys:
        key = load_pem_public_key(pem)
        if not isinstance(key, rsa.RSAPublicKey):
            raise InvalidInputError("no RSA key", where="archive keys")
        try:
            key.verify(raw, first.unused_data, padding.PKCS1v15(), digest)
        except InvalidSignature:
            continue
        index = _member(_unpacked(first.unused_data, where), ("APKINDEX",))
        if index is None:
            raise InvalidInputError("an index of Alpine's without one", where=where)
        return index[1], name.partition("RSA")[2].partition(".")[2]
    raise RefusedError("signed by no trusted key of an archive", where=where, remedy="name --archive-keys")


def _member(content: bytes, names: tuple[str, ...]) -> tuple[str, bytes] | None:
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:", ignore_zeros=True) as tar:
            for member in tar:
                file = tar.extractfile(member) if member.isfile() and member.name.startswith(names) else None
                if file is not None:
                    return member.name, file.read()
    except tarfile.TarError:
        return None
    return None


def _unpacked(content: bytes, where: str) -> bytes:
    raw = io.BytesIO(content)
    packed: dict[bytes, Callable[[], Readable]] = {
        _GZIP: lambda: gzip.GzipFile(fileobj=raw),
        b"BZ": lambda: bz2.BZ2File(raw),
        b"\xfd7": lambda: lzma.LZMAFile(raw),  # noqa: SIM115 - over memory
    }
    opened = packed.get(content[:2])
    if opened is None:
        return content
    try:
        return read_bounded(opened(), max_bytes=MAX_INDEX_BYTES, what=where)
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        raise InvalidInputError("packed, and broken", where=where) from error


def _packages(
    text: bytes, name: bytes, version: bytes, architecture: bytes, where: str
) -> Iterator[tuple[PackageName, Mapping[bytes, str]]]:
    """Packages, each with the fields that were looked for."""
    count = 0
    for paragraph in text.split(b"\n\n"):
        said: dict[bytes, str] = {}
        for line in paragraph.split(b"\n"):
            for key in (name, version, architecture, _CHECKSUM):
                if line.startswith(key):
                    said.setdefault(key, line[len(key) :].strip().decode("utf-8", "replace"))
        if name in said and version in said:
            count += 1
            if count > MAX_PACKAGES:
                raise BoundExceededError("MAX_PACKAGES", MAX_PACKAGES, where=where)
            yield (said[name], said[version], said.get(architecture, "")), said
