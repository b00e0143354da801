# SPDX-License-Identifier: Apache-2.0
"""Copies of ledgers that a person names, and whose checkpoints they believe."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from tidegate.assembly.ledger import read_policy
from tidegate.assembly.notes import note_signer
from tidegate.assembly.outward import build_outbound
from tidegate.assembly.remote import kept_login
from tidegate.bounds import read_bounded
from tidegate.clock import Clock, system_clock
from tidegate.errors import InvalidInputError, NotFoundError, OutsideError, UsageError
from tidegate.ledger.copy import FolderCopy, LogCopy, RemoteCopy
from tidegate.ledger.note import MAX_NOTE_BYTES
from tidegate.ledger.note_key import parse_note_key
from tidegate.ledger.policy import KnownLog, LogPolicy
from tidegate.outbound import Outbound
from tidegate.oversight.ledger_check import LedgerCheck
from tidegate.remote.token import exchange
from tidegate.settings import Settings
from tidegate.signing.keys import SigningKey, TrustedKeys

_MAX_KEY_BYTES: Final = 4096
_SCHEMES: Final = ("http://", "https://")


@contextmanager
def open_copy(settings: Settings, source: str) -> Iterator[LogCopy]:
    """A ledger in a folder, or under a URL, with the login that is kept for its server.

    Raises:
        TidegateError: there is no such folder, or the address is none.
    """
    if source.startswith(_SCHEMES):
        with build_outbound(settings) as outbound:
            yield RemoteCopy(outbound, source, authorization=_authorization(settings, outbound, source))
        return
    folder = Path(source)
    if not folder.is_dir():
        raise NotFoundError("no such folder", where=source, remedy="name a folder that was exported, or a URL")
    yield FolderCopy(folder)


def believed(settings: Settings, *, keys: Sequence[str], policy: Path | None) -> LogPolicy:
    """Whose checkpoints count: those of keys and policies that are given, else our own.

    Args:
        settings: of this home.
        keys: `name+hash+key`, or a file that holds one.
        policy: a C2SP tlog-policy file.

    Raises:
        UsageError: none was given, and there is no key of our own.
        InvalidInputError: one is broken.
        OutsideError: a file cannot be read.
    """
    given = read_policy(policy) if policy is not None else LogPolicy()
    logs = tuple(KnownLog(parse_note_key(_key_text(text))) for text in keys)
    if not (given.logs or logs):
        if not settings.signing.ledger_key_file.exists():
            raise UsageError(
                "whose ledger it is must come from you, not from the copy",
                where="ledger",
                remedy="give --key NAME+HASH+KEY, which the log's owner tells you, or --policy FILE",
            )
        logs = (KnownLog(note_signer(settings).verifier),)
    return LogPolicy(logs=(*given.logs, *logs), witnesses=given.witnesses, groups=given.groups, quorum=given.quorum)


def build_ledger_check(
    settings: Settings,
    policy: LogPolicy,
    *,
    trusted: Sequence[Path],
    reads_statements: bool = True,
    clock: Clock = system_clock,
) -> LedgerCheck:
    """A check of copies; without keys that are trusted, those of this home are.

    Raises:
        TidegateError: a key cannot be read.
    """
    said = settings.signing
    paths = trusted or said.trusted_keys
    keys = list(TrustedKeys.load(paths).keys.values())
    if not trusted and said.key_file.exists():
        keys.append(SigningKey.load(said.key_file).verifying)
    return LedgerCheck(policy, TrustedKeys.of(keys), reads_statements=reads_statements, at=clock())


def read_text(path: Path, *, max_bytes: int = MAX_NOTE_BYTES) -> str:
    """A small file of text that somebody names.

    Raises:
        NotFoundError: it is not there.
        InvalidInputError: it is too long, or no UTF-8.
        OutsideError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return read_bounded(file, max_bytes=max_bytes, what=str(path)).decode()
    except FileNotFoundError as error:
        raise NotFoundError("no such file", where=str(path)) from error
    except UnicodeDecodeError as error:
        raise InvalidInputError("not UTF-8", where=str(path)) from error
    except OSError as error:
        raise OutsideError(f"cannot be read: {error.strerror}", where=str(path)) from error


def _key_text(text: str) -> str:
    return text if "+" in text and not Path(text).exists() else read_text(Path(text), max_bytes=_MAX_KEY_BYTES)


def _authorization(settings: Settings, outbound: Outbound, url: str) -> str:
    """The header for the server that a URL is of; "" where no login is kept."""
    parts = urlsplit(url)
    address = f"{parts.scheme}://{parts.netloc}"
    own = kept_login(settings, address)
    if own is None:
        return ""
    return f"Bearer {exchange(outbound, address, own.identity_token)}" if own.identity_token else own.basic
