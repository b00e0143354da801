# SPDX-License-Identifier: Apache-2.0
"""OpenPGP signatures, checked by the `gpg` program in a home of its own, with the given keys and no others.

Nothing is fetched and no trust is computed: whose keys are in the given file is what counts. A signature that was made
before its key ended holds; one by a revoked key does not, whenever it was made, since nobody else tells when.
"""

import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tidegate.bounds import MIB
from tidegate.development.commits.signature import MAX_SIGNATURE_BYTES, SignatureFinding
from tidegate.development.commits.trailers import address_of
from tidegate.development.git.objects import Signed
from tidegate.errors import BoundExceededError, InvalidInputError, OutsideError, RefusedError
from tidegate.evidence.predicates.commits import SignatureState
from tidegate.values import replace

MAX_KEYRING_BYTES: Final = 16 * MIB

_TIMEOUT_S: Final = 30
_PREFIX: Final = "[GNUPG:] "
_WEAK_HASHES: Final = {"1": "MD5", "2": "SHA-1", "3": "RIPEMD-160"}
"""RFC 4880 9.4: what a signature over a commit must not stand on."""
_DOCUMENT_CLASSES: Final = frozenset({"00", "01"})


class OpenPgpKeys:
    """The keys that count, in a `gpg` home that lasts as long as this does.

    Use `open_keys`.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._addresses = self._list()

    def find(self, signed: Signed) -> SignatureFinding:
        """Looks at a signature.

        Raises:
            OutsideError: gpg cannot be run, or does not end.
        """
        if len(signed.signature) > MAX_SIGNATURE_BYTES:
            return SignatureFinding(state=SignatureState.UNREADABLE, form="openpgp", detail="too long")
        file = self._home / "signature"
        file.write_bytes(signed.signature)
        ran = self._run("--status-fd", "1", "--verify", str(file), "-", given=signed.payload)
        return self._told(_status(ran.stdout))

    def clearsigned(self, content: bytes, *, where: str) -> tuple[bytes, str]:
        """The text of a clearsigned file, and the fingerprint of the key that signed it; one good signature is enough.

        Raises:
            RefusedError: a signature is bad, or none is by a key that holds.
        """
        ran = self._run("--status-fd", "2", "--decrypt", given=content)
        status = _status(ran.stderr)
        names = [name for name, _ in status]
        good = [words for name, words in status if name == "VALIDSIG"]
        if "BADSIG" in names or "GOODSIG" not in names or not good or names.count("PLAINTEXT") != 1:
            raise RefusedError("signed by nobody trusted", where=where, remedy="name the archive's keys")
        if any(words[7:8] and words[7] in _WEAK_HASHES for words in good):
            raise RefusedError("its signature stands on a broken hash", where=where)
        return ran.stdout, good[0][9] if len(good[0]) > 9 else good[0][0]  # noqa: PLR2004 - the primary key's place

    def _told(self, status: Sequence[tuple[str, list[str]]]) -> SignatureFinding:
        names = [name for name, _ in status]
        said = dict(status)
        if names.count("NEWSIG") > 1 or names.count("VALIDSIG") > 1:
            return _finding(SignatureState.UNREADABLE, detail="several signatures in one")
        if "BADSIG" in said:
            return _finding(SignatureState.BAD, key=_first(said["BADSIG"]), detail="it is not of this")
        if "REVKEYSIG" in said:
            return self._named(SignatureState.REVOKED, said)
        if "ERRSIG" in said:
            state = SignatureState.UNKNOWN_KEY if "NO_PUBKEY" in said else SignatureState.UNREADABLE
            return _finding(state, key=_first(said["ERRSIG"]), detail="no given key has made it")
        return self._valid(said)

    def _valid(self, said: Mapping[str, list[str]]) -> SignatureFinding:
        """A signature that holds, so far as gpg says."""
        if "VALIDSIG" not in said or said.keys().isdisjoint({"GOODSIG", "EXPKEYSIG", "EXPSIG"}):
            return _finding(SignatureState.UNREADABLE, detail="gpg cannot read it")
        words = said["VALIDSIG"] + [""] * 10
        if words[7] in _WEAK_HASHES:
            detail = f"it stands on {_WEAK_HASHES[words[7]]}"
            return replace(_finding(SignatureState.BAD, key=words[0], detail=detail), is_weak=True)
        if words[8] not in _DOCUMENT_CLASSES:
            return _finding(SignatureState.BAD, key=words[0], detail="it is no signature of a document")
        return self._named(_ended(said, made=words[2]), said)

    def _named(self, state: SignatureState, said: Mapping[str, list[str]]) -> SignatureFinding:
        words = said.get("VALIDSIG", [])
        key = words[9] if len(words) > 9 else _first(words) or _first(said.get("REVKEYSIG", []))  # noqa: PLR2004 - the
        signers = self._addresses.get(key, ())  # primary key's fingerprint is the tenth word
        detail = "" if signers else "its key names no address"
        return SignatureFinding(state=state, form="openpgp", key=key, signers=signers, detail=detail)

    def _list(self) -> dict[str, tuple[str, ...]]:
        """Addresses of each primary key by its fingerprint; user ids that are revoked are left out."""
        ran = self._run("--with-colons", "--fixed-list-mode", "--fingerprint", "--list-keys")
        found: dict[str, list[str]] = {}
        key, is_primary = "", False
        for line in ran.stdout.decode("utf-8", "replace").splitlines():
            fields = line.split(":")
            if fields[0] in {"pub", "sub"}:
                is_primary = fields[0] == "pub"
            elif fields[0] == "fpr" and is_primary:
                key = fields[9]
                found[key] = []
            elif fields[0] == "uid" and fields[1] not in {"r", "n"}:
                found[key].append(address_of(_unescaped(fields[9])))
        return {name: tuple(dict.fromkeys(filter(None, addresses))) for name, addresses in found.items()}

    def _run(self, *arguments: str, given: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
        return run_gpg(self._home, *arguments, given=given)


@contextmanager
def open_keys(content: bytes, *, where: str) -> Iterator[OpenPgpKeys]:
    """Keys from a file of exported ones, armoured or not.

    Raises:
        BoundExceededError: over `MAX_KEYRING_BYTES`.
        InvalidInputError: there is no key in it.
        OutsideError: gpg cannot be run.
    """
    if len(content) > MAX_KEYRING_BYTES:
        raise BoundExceededError("MAX_KEYRING_BYTES", MAX_KEYRING_BYTES, where=where)
    with tempfile.TemporaryDirectory(prefix="tidegate-gpg-") as folder:
        home = Path(folder)
        home.chmod(0o700)
        run_gpg(home, "--import-options", "import-minimal", "--import", given=content)
        keys = OpenPgpKeys(home)
        if not keys._addresses:  # noqa: SLF001 - of this module
            raise InvalidInputError("no OpenPGP key in it", where=where, remedy="write it by gpg --export")
        yield keys


def run_gpg(home: Path, *arguments: str, given: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    """Runs gpg in a home of its own; it starts no agent for this, asks nobody and fetches nothing.

    Raises:
        OutsideError: it cannot be run, or does not end.
    """
    options = (
        "--batch",
        "--no-tty",
        "--no-options",
        "--no-autostart",
        "--no-auto-key-retrieve",
        "--trust-model",
        "always",
    )
    environment = {"PATH": f"{os.defpath}:/usr/local/bin", "LC_ALL": "C", "HOME": str(home), "GNUPGHOME": str(home)}
    try:
        return subprocess.run(
            ["gpg", *options, *arguments],
            input=given,
            capture_output=True,
            env=environment,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise OutsideError("gpg does not end", where=str(home)) from error
    except OSError as error:
        raise OutsideError("gpg cannot be run", where="OpenPGP signatures", remedy="install gnupg") from error


def _status(output: bytes) -> list[tuple[str, list[str]]]:
    lines = output.decode("utf-8", "replace").splitlines()
    found = [line.removeprefix(_PREFIX).split() for line in lines if line.startswith(_PREFIX)]
    return [(words[0], words[1:]) for words in found if words]


def _ended(said: Mapping[str, list[str]], *, made: str) -> SignatureState:
    """Good, unless key or signature had ended before it was made."""
    if "EXPSIG" in said:
        return SignatureState.EXPIRED
    if "EXPKEYSIG" not in said:
        return SignatureState.GOOD
    ended = _first(said.get("KEYEXPIRED", []))
    before = ended.isdecimal() and made.isdecimal() and int(made) < int(ended)
    return SignatureState.GOOD if before else SignatureState.EXPIRED


def _finding(state: SignatureState, *, key: str = "", detail: str) -> SignatureFinding:
    return SignatureFinding(state=state, form="openpgp", key=key, detail=detail)


def _first(words: Sequence[str]) -> str:
    return words[0] if words else ""


def _unescaped(text: str) -> str:
    return text.encode().decode("unicode_escape", "replace") if "\\x" in text else text
