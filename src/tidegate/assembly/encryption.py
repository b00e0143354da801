# SPDX-License-Identifier: Apache-2.0
"""The server's own key among recipients, from settings; for the server and for one command.

The key in `signing.encryption_key_file` is a recipient of every copy made from now on. Those it took the place of lie
beside it under the names `STEM.until-MOMENT.pem` and still release the keys of copies made before.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tidegate.admission.gate import Gate
from tidegate.assembly.keeping import InForceTags, build_blobs, keeping_rules
from tidegate.assembly.local import open_local
from tidegate.assembly.stores import open_blobs
from tidegate.clock import Clock, system_clock
from tidegate.curation.encryption.encrypting import Encrypting
from tidegate.curation.encryption.key_release import KeyRelease
from tidegate.curation.shelf import Shelf
from tidegate.curation.shelf_blobs import ShelfBlobs
from tidegate.curation.tag_rules import ImmutableTags
from tidegate.errors import NotFoundError, OutsideError, UsageError
from tidegate.evidence.restriction import parse_zones
from tidegate.key_file import create_secret_file
from tidegate.oci.encryption.keys import DecryptionKey, load_decryption_key
from tidegate.settings import Settings
from tidegate.storage.database import Database
from tidegate.values import Struct

MAX_OLD_KEYS: Final = 32


class Encryption(Struct, frozen=True, kw_only=True):
    """What makes encrypted copies and releases their keys.

    Attributes:
        public_key: of the server, in PEM: encrypt for it too, and it can release the keys.
    """

    encrypting: Encrypting
    release: KeyRelease
    public_key: bytes


def build_encryption(
    settings: Settings,
    *,
    database: Database,
    blobs: ShelfBlobs,
    shelf: Shelf,
    gate: Gate,
    tag_rules: ImmutableTags,
    clock: Clock,
) -> Encryption:
    """Loads the server's keys, and makes one on first use.

    Raises:
        TidegateError: a key cannot be read, made, or is wrong.
    """
    keys = server_keys(settings.signing.encryption_key_file)
    zones = parse_zones(settings.curation.zones)
    encrypting = Encrypting(
        database=database,
        blobs=blobs,
        shelf=shelf,
        gate=gate,
        keys=keys,
        clock=clock,
        tag_rules=tag_rules,
        zones=zones,
    )
    release = KeyRelease(database=database, shelf=shelf, keys=keys, clock=clock, zones=zones)
    return Encryption(encrypting=encrypting, release=release, public_key=keys[0].recipient.to_pem())


@contextmanager
def open_encryption(settings: Settings, *, clock: Clock = system_clock) -> Iterator[Encryption]:
    """Opens the record for one command that makes copies; a server may be using it at the same time.

    Raises:
        TidegateError: a key, a rule, a policy or the home folder is not usable.
    """
    with open_local(settings, clock=clock) as local:
        blobs = build_blobs(settings, local.database, open_blobs(settings, local.database), clock)
        rules = InForceTags(keeping_rules(settings, local.database))
        shelf = Shelf(local.database, blobs, clock, tag_rules=rules, zones=parse_zones(settings.curation.zones))
        yield build_encryption(
            settings,
            database=local.database,
            blobs=blobs,
            shelf=shelf,
            gate=local.gate,
            tag_rules=rules,
            clock=clock,
        )


def server_keys(path: Path) -> tuple[DecryptionKey, ...]:
    """The server's keys, the one in force first; makes that one when there is none.

    Raises:
        TidegateError: a key cannot be read, made, or is wrong.
    """
    try:
        current = load_decryption_key(str(path))
    except NotFoundError:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(UsageError):  # another process was first: its key is the one
            _make(path)
        current = load_decryption_key(str(path))
    return (current, *(load_decryption_key(str(old)) for old in _old(path)))


def rotate_server_key(path: Path, *, clock: Clock) -> tuple[str, str]:
    """Puts a new key in force and keeps the old one for what it was a recipient of; the server takes it up at a start.

    Returns:
        Thumbprints of the key before and of the new one.

    Raises:
        TidegateError: a key cannot be read or made, or 32 old ones are kept already.
    """
    before = server_keys(path)
    if len(before) > MAX_OLD_KEYS:
        raise UsageError("32 old keys are kept", where=str(path.parent), remedy="take away those no copy needs")
    kept = path.with_name(f"{path.stem}.until-{clock():%Y%m%dT%H%M%SZ}{path.suffix}")
    draft = path.with_name(f".{path.name}.next")
    try:
        draft.unlink(missing_ok=True)
        _make(draft)
        # A link first, so that at no moment the old key has no name; the rename then puts the new one in its place.
        kept.hardlink_to(path)
        draft.replace(path)
    except FileExistsError as error:
        raise UsageError("a key was put in force this very second", where=str(kept), remedy="try again") from error
    except OSError as error:
        raise OutsideError(f"cannot be written: {error.strerror or error}", where=str(path.parent)) from error
    return before[0].recipient.kid, load_decryption_key(str(path)).recipient.kid


def _make(path: Path) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    create_secret_file(path, pem, what="encryption key")


def _old(path: Path) -> list[Path]:
    """Newest first."""
    return sorted(path.parent.glob(f"{path.stem}.until-*{path.suffix}"), reverse=True)
