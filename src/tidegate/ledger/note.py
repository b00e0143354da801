# SPDX-License-Identifier: Apache-2.0
"""Signed notes: text and signatures as C2SP signed-note writes them, and its Ed25519 keys (signature type 0x01).

Keys of other types are in `tidegate.ledger.note_key`.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from tidegate.errors import BoundExceededError, InvalidInputError, RefusedError

MAX_NOTE_BYTES: Final = 1_000_000
"""What the specification has a verifier accept at most."""
MAX_NOTE_SIGNATURES: Final = 100

ED25519: Final = 0x01
"""The signature type of these keys."""
_KEY_BYTES: Final = 32
_KEY_ID_BYTES: Final = 4
_NAME: Final = re.compile(r"[^\s+]+")
_SIGNATURE: Final = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")


@dataclass(frozen=True, slots=True)
class NoteVerifier:
    """A public key for notes, with the name it signs under."""

    name: str
    public: bytes

    def __post_init__(self) -> None:
        check_name(self.name)
        if len(self.public) != _KEY_BYTES:
            raise InvalidInputError("needs a key of 32 bytes", where="note key")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads the specification's form, `name+hash+key`.

        Raises:
            InvalidInputError: it is not one, not Ed25519, or its hash is another key's.
        """
        name, key_id, kind, public = split_key(text)
        if kind != ED25519:
            raise InvalidInputError("not an Ed25519 note key", where="note key")
        found = cls(name, public)
        if found.key_id != key_id:
            raise InvalidInputError("the hash in it is another key's", where="note key")
        return found

    @property
    def key_id(self) -> bytes:
        """The four bytes that tell keys of one name apart."""
        return key_id_of(self.name, ED25519, self.public)

    def holds(self, text: str, signature: bytes) -> bool:
        """True when this key signed that text."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
        except InvalidSignature:
            return False
        return True

    def __str__(self) -> str:
        encoded = base64.b64encode(bytes([ED25519]) + self.public).decode("ascii")
        return f"{self.name}+{self.key_id.hex()}+{encoded}"


@dataclass(frozen=True, slots=True)
class NoteSigner:
    """A private key for notes; it never shows in `repr`, an error or a log.

    Attributes:
        beside: keys of before that sign too, while those who know them alone have not heard of this one.
    """

    name: str
    _private: Ed25519PrivateKey = field(repr=False, compare=False)
    beside: "tuple[NoteSigner, ...]" = field(default=(), repr=False, compare=False)

    @classmethod
    def generate(cls, name: str) -> Self:
        """Makes a new key from the system's randomness.

        Args:
            name: the log's origin, such as `tidegate.example.com/ledger`; no spaces, no `+`.
        """
        return cls(name, Ed25519PrivateKey.generate())

    @classmethod
    def from_seed(cls, name: str, seed: bytes) -> Self:
        """Makes the key of a 32-byte secret (RFC 8032 section 5.1.5).

        Raises:
            InvalidInputError: the secret is not 32 bytes long.
        """
        if len(seed) != _KEY_BYTES:
            raise InvalidInputError("the secret is not 32 bytes long", where="note key")
        return cls(name, Ed25519PrivateKey.from_private_bytes(seed))

    @property
    def verifier(self) -> NoteVerifier:
        """The public half."""
        return NoteVerifier(self.name, self._private.public_key().public_bytes_raw())

    def secret_seed(self) -> bytes:
        """The 32-byte secret, for whoever keeps it in a file."""
        return self._private.private_bytes_raw()

    def sign(self, text: str) -> str:
        """The text as a note with this key's signature.

        Raises:
            InvalidInputError: the text is no note's: empty, without a final line feed, or with control characters.
        """
        _check_text(text)
        signers = (self, *self.beside)
        return f"{text}\n{''.join(one.signature(text) for one in signers)}"

    def signature(self, text: str) -> str:
        """This key's own line."""
        return signature_line(self.name, self.verifier.key_id, self._private.sign(text.encode()))

    def __reduce__(self) -> str:
        raise TypeError("a private key is not serialised")


class NoteKey(Protocol):
    """A public key that signature lines of notes are verified with."""

    @property
    def name(self) -> str:
        """What it signs under."""
        ...

    @property
    def key_id(self) -> bytes:
        """The four bytes that tell keys of one name apart."""
        ...

    @property
    def public(self) -> bytes:
        """The key itself, encoded as its type says."""
        ...

    def holds(self, text: str, signature: bytes) -> bool:
        """True when this key made that signature (without the key id) over that text."""
        ...


@dataclass(frozen=True, slots=True)
class Signature:
    """One that holds, by a key that was looked for: all bytes but the key id."""

    key: NoteKey
    content: bytes


def verify_note(note: str, trusted: NoteKey, *, where: str = "note") -> str:
    """Returns a note's text when the trusted key signed it; signatures of others are passed over.

    Raises:
        BoundExceededError: over `MAX_NOTE_BYTES` or `MAX_NOTE_SIGNATURES`.
        InvalidInputError: it is no note.
        RefusedError: the trusted key did not sign it, or its signature does not hold.
    """
    text, signatures = open_note(note, (trusted,), where=where)
    if not signatures:
        raise RefusedError(f"not signed by {trusted.name}", where=where)
    return text


def open_note(note: str, known: Sequence[NoteKey], *, where: str = "note") -> tuple[str, tuple[Signature, ...]]:
    """A note's text, and the signatures on it by keys that are known, in the order of the note.

    The text is worth nothing before one of them is by somebody trusted.

    Raises:
        BoundExceededError: over `MAX_NOTE_BYTES` or `MAX_NOTE_SIGNATURES`.
        InvalidInputError: it is no note.
        RefusedError: a signature names a known key and does not hold.
    """
    text, lines = split_note(note, where=where)
    keys = {(key.name, key.key_id): key for key in known}
    found = []
    for name, signature in map(_signature, lines):
        key = keys.get((name, signature[:_KEY_ID_BYTES]))
        if key is None:
            continue
        if not key.holds(text, signature[_KEY_ID_BYTES:]):
            raise RefusedError(f"the signature of {name} does not hold", where=where)
        found.append(Signature(key, signature[_KEY_ID_BYTES:]))
    return text, tuple(found)


def split_note(note: str, *, where: str = "note") -> tuple[str, list[str]]:
    """A note's text and its signature lines; nothing is verified.

    Raises:
        BoundExceededError: over `MAX_NOTE_BYTES` or `MAX_NOTE_SIGNATURES`.
        InvalidInputError: it is no note.
    """
    if len(note) > MAX_NOTE_BYTES or len(note.encode(errors="replace")) > MAX_NOTE_BYTES:
        raise BoundExceededError("MAX_NOTE_BYTES", MAX_NOTE_BYTES, where=where)
    text, separator, tail = note.rpartition("\n\n")
    lines = tail.split("\n")
    if not separator or lines.pop():
        raise InvalidInputError("needs an empty line before its signatures, and a final line feed", where=where)
    if len(lines) > MAX_NOTE_SIGNATURES:
        raise BoundExceededError("MAX_NOTE_SIGNATURES", MAX_NOTE_SIGNATURES, where=where)
    text += "\n"
    _check_text(text)
    return text, lines


def signature_line(name: str, key_id: bytes, signature: bytes) -> str:
    """A signature as notes carry it, with its line feed."""
    return f"— {name} {base64.b64encode(key_id + signature).decode('ascii')}\n"


def key_id_of(name: str, kind: int, public: bytes) -> bytes:
    """The key id that the specification recommends."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:_KEY_ID_BYTES]


def split_key(text: str) -> tuple[str, bytes, int, bytes]:
    """The parts of `name+hash+key`: name, key id, type, and the key itself. That they fit is for the caller to check.

    Raises:
        InvalidInputError: it is not of that form.
    """
    name, _, rest = text.strip().partition("+")
    key_id, _, encoded = rest.partition("+")
    key = unbase64(encoded, "note key")
    if not re.fullmatch(r"[0-9a-f]{8}", key_id) or len(key) < _KEY_ID_BYTES:
        raise InvalidInputError("not of the form name+hash+key", where="note key")
    return check_name(name), bytes.fromhex(key_id), key[0], key[1:]


def check_name(name: str) -> str:
    """A key's name, when it can be one.

    Raises:
        InvalidInputError: it is empty, or has spaces or a + in it.
    """
    if not _NAME.fullmatch(name) or not name.isprintable():
        raise InvalidInputError("needs a name without spaces or +", where="note key")
    return name


def unbase64(text: str, where: str) -> bytes:
    """Standard base64, strictly: one text for the same bytes.

    Raises:
        InvalidInputError: it is not.
    """
    try:
        found = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise InvalidInputError("malformed base64", where=where) from error
    if base64.b64encode(found).decode("ascii") != text:
        raise InvalidInputError("not the one way to write these bytes in base64", where=where)
    return found


def _signature(line: str) -> tuple[str, bytes]:
    found = _SIGNATURE.fullmatch(line)
    if not found:
        raise InvalidInputError("a signature line is malformed", where="note")
    return found[1], unbase64(found[2], "note")


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInputError("not UTF-8", where="note") from error
    if not text.endswith("\n") or _CONTROL.search(text):
        raise InvalidInputError("needs a final line feed and no other control character", where="note")
