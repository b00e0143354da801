# SPDX-License-Identifier: Apache-2.0
"""A cluster's webhook from settings: what it answers from, and how that is kept new."""

import gc
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from tidegate.artifact import Digest
from tidegate.assembly.execution import ConfigurationSecrets, gate_options
from tidegate.assembly.outward import build_outbound
from tidegate.assembly.remote import kept_login
from tidegate.assembly.rule_text import rule_text
from tidegate.clock import Clock, system_clock
from tidegate.errors import NotFoundError, UsageError
from tidegate.execution.reviews.break_glass import GlassOptions, Sealer
from tidegate.execution.reviews.configuration_desk import ConfigurationDesk, ConfigurationDeskOptions
from tidegate.execution.reviews.connect_rules import ConnectRules, load_connect_rules
from tidegate.execution.reviews.desk import Desk, DeskOptions
from tidegate.execution.reviews.records_folder import RecordsFolder
from tidegate.execution.verdicts.following import Following, Head, Heard
from tidegate.execution.verdicts.judging import LocalJudge
from tidegate.execution.verdicts.store import VerdictStore
from tidegate.identity.own_certificate import CertificateFiles, own_certificate
from tidegate.key_file import create_secret_file, read_key_file
from tidegate.remote import RemoteServer, parse_server
from tidegate.remote.verdicts import RemoteVerdicts
from tidegate.settings import Settings
from tidegate.signing.keys import TrustedKeys
from tidegate.trust.key_files import KeyFiles

_KEY_BYTES: Final = 32


@dataclass(slots=True, kw_only=True)
class Webhook:
    """Everything one webhook process holds.

    Attributes:
        key_files: whose verdicts count, followed.
        following: keeps it new; None without a server.
        heard_at: when the server was last heard; None for not since the start.
    """

    settings: Settings
    store: VerdictStore
    desk: Desk
    configuration: ConfigurationDesk
    records: RecordsFolder
    clock: Clock
    key_files: KeyFiles
    following: Following | None = None
    heard_at: datetime | None = None

    def start(self) -> None:
        """Begins to follow, and to hand over what happened."""
        self.records.start()
        self.key_files.start(self.trust)
        if self.following is not None:
            self.following.start()

    def stop(self) -> None:
        """Ends; what was not handed over stays on disk."""
        self.key_files.stop()
        if self.following is not None:
            self.following.stop()
        self.records.stop()

    def trust(self, keys: TrustedKeys) -> None:
        """Takes the word of these keys from now on, and asks for what they say."""
        self.store.trust(keys)
        if self.following is not None:
            self.following.want_everything()

    def heard(self) -> None:
        """Notes that the server was heard."""
        self.heard_at = self.clock()


def leave_alone() -> None:
    """Has the collector look at nothing any more that is there now: verdicts stay, and are freed without it.

    A look at 100,000 of them takes 130 ms of processor time, in which nobody is answered.
    """
    gc.collect(1)
    gc.freeze()


@contextmanager
def open_webhook(settings: Settings, *, clock: Clock = system_clock) -> Iterator[Webhook]:
    """Builds a webhook with what its folder holds; nothing runs until `start`.

    Raises:
        UsageError: no key is trusted.
        TidegateError: a key, a rule or the folder is not usable.
    """
    said = settings.webhook
    if not settings.signing.trusted_keys:
        remedy = "name the server's public key in signing.trusted_keys (tidegate keys show)"
        raise UsageError("no key is trusted, so that no verdict would count", remedy=remedy)
    key_files = KeyFiles(settings.signing.trusted_keys)
    store = VerdictStore(said.folder / "verdicts", key_files.keys)
    store.load()
    with build_outbound(settings) as outbound:
        remote = None
        if settings.client.server:
            address = parse_server(settings.client.server)
            remote = RemoteVerdicts(RemoteServer(outbound, address, kept_login(settings, address)))
        records = RecordsFolder(said.folder / "records", remote.tell if remote is not None else None)
        webhook = Webhook(
            settings=settings,
            store=store,
            desk=_desk(settings, store, records, clock),
            configuration=_configuration_desk(settings, records, clock),
            records=records,
            clock=clock,
            key_files=key_files,
        )
        if remote is not None:
            lasting = timedelta(hours=said.verdict_hours)
            webhook.following = Following(
                _Followed(remote), store, clock, lasting=lasting, told=webhook.heard, grown=leave_alone
            )
        yield webhook


def certificate_files(settings: Settings, clock: Clock) -> CertificateFiles:
    """The certificate that is given, or one made in the webhook's folder.

    Raises:
        UsageError: a certificate without its key, or a key without its certificate.
        TidegateError: what lies there cannot be used.
    """
    said = settings.webhook
    given, key = said.tls_certificate_file, said.tls_key_file
    if (given is None) != (key is None):
        raise UsageError("TLS needs both a certificate and its key", remedy="give both files, or neither")
    if given is not None and key is not None:
        return CertificateFiles(certificate=given, key=key, authority=given)
    if not said.tls_names:
        raise UsageError("the certificate needs a name", remedy="set webhook.tls_names")
    return own_certificate(said.folder / "tls", said.tls_names, clock)


def connect_rules(settings: Settings) -> ConnectRules:
    """Who may open ways in.

    Raises:
        TidegateError: a file is missing or wrong; names file, line and column.
    """
    return load_connect_rules({str(path): rule_text(path) for path in settings.webhook.connect_files})


def glass_key(path: Path) -> bytes:
    """The secret of seals; made on first use.

    Raises:
        TidegateError: it cannot be kept, or others may read it.
    """
    try:
        return read_key_file(path)  # a Secret's files belong to a group
    except NotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with suppress(UsageError):  # another process was first
        create_secret_file(path, secrets.token_hex(_KEY_BYTES).encode(), what="key of seals")
    return read_key_file(path)


def _desk(settings: Settings, store: VerdictStore, records: RecordsFolder, clock: Clock) -> Desk:
    said = settings.webhook
    options = DeskOptions(
        cluster=said.cluster,
        gate=gate_options(settings),
        exempt=frozenset(said.exempt_namespaces),
        connect=connect_rules(settings),
        glass=_glass(settings),
    )
    sealer = Sealer(glass_key(said.glass_key_file), said.cluster)
    return Desk(LocalJudge(store=store, clock=clock), options, sealer, records.keep, clock)


def _configuration_desk(settings: Settings, records: RecordsFolder, clock: Clock) -> ConfigurationDesk:
    said = settings.webhook
    options = ConfigurationDeskOptions(
        cluster=said.cluster,
        rules=gate_options(settings).configuration,
        exempt=frozenset(said.exempt_namespaces),
        glass=_glass(settings),
        key=glass_key(said.glass_key_file),
    )
    return ConfigurationDesk(options, ConfigurationSecrets(), records.keep, clock)


def _glass(settings: Settings) -> GlassOptions:
    said = settings.webhook
    return GlassOptions(who=said.break_glass_who, lasting=timedelta(minutes=said.break_glass_minutes))


@dataclass(frozen=True, slots=True)
class _Followed:
    """A server as `Following` wants it."""

    remote: RemoteVerdicts

    def events(self, after: int, *, wait_seconds: float) -> tuple[list[Heard], int]:
        found, reached = self.remote.events(after, wait_seconds=wait_seconds)
        return [Heard(offset=one.offset, event=one.event) for one in found], reached

    def head(self) -> Head:
        found = self.remote.head()
        return Head(offset=found.offset, policies=found.policies.encode(), restrictions=found.restrictions)

    def verdicts(self, digests: list[Digest]) -> bytes:
        return self.remote.verdicts(digests)

    def known_after(self, digest: str) -> list[Digest]:
        return list(self.remote.known_after(digest))
