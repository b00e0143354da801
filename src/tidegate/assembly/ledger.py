# SPDX-License-Identifier: Apache-2.0
"""The ledger from settings: its policy, its publication, and the witness of others' logs."""

from pathlib import Path
from typing import Final

from tidegate.assembly.notes import key_seed
from tidegate.assembly.stores import open_database
from tidegate.bounds import read_bounded
from tidegate.clock import Clock, system_clock
from tidegate.errors import OutsideError, UsageError
from tidegate.ledger.cosignature import Cosigner
from tidegate.ledger.last_signed import LastSigned
from tidegate.ledger.note import NoteSigner
from tidegate.ledger.policy import MAX_POLICY_BYTES, LogPolicy, parse_policy
from tidegate.ledger.publication import Publication
from tidegate.ledger.witness import Witness
from tidegate.ledger.witnessed_publication import PublicationThread, Published, WitnessedPublication
from tidegate.ledger.witnessing import Witnessing
from tidegate.outbound import Outbound, OutboundOptions
from tidegate.settings import Settings
from tidegate.storage.database import Database
from tidegate.storage.leases import Leases

_WITNESS_SECONDS: Final = 10.0
_SIGNED: Final = "ledger.checkpoint"


def read_policy(path: Path) -> LogPolicy:
    """Reads a C2SP tlog-policy file.

    Raises:
        InvalidInputError: a line of it is wrong.
        OutsideError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return parse_policy(read_bounded(file, max_bytes=MAX_POLICY_BYTES, what=str(path)), where=str(path))
    except OSError as error:
        raise OutsideError(f"cannot be read: {error.strerror}", where=str(path)) from error


def build_publication(
    settings: Settings, database: Database, signer: NoteSigner, leases: Leases, clock: Clock
) -> tuple[Published, PublicationThread | None]:
    """What says where the log is: at once, or, with a policy, when enough witnesses have cosigned it.

    Raises:
        TidegateError: the policy file is broken, or its quorum cannot be met by those that can be asked.
    """
    keys = (signer.verifier, *(one.verifier for one in signer.beside))
    last = LastSigned(settings.home / _SIGNED, *keys)
    signed, said = Publication(database, signer, last), settings.ledger
    if said.policy_file is None:
        return signed, None
    policy = read_policy(said.policy_file)
    if not policy.is_met(witness.name for witness in policy.witnesses.values() if witness.url):
        raise UsageError(
            f"the quorum {policy.quorum} cannot be met by witnesses that have a URL",
            where=str(said.policy_file),
            remedy="write the URL of their submission prefix after the key",
        )
    options = OutboundOptions(
        connect_timeout_s=min(settings.outbound.connect_timeout_s, _WITNESS_SECONDS),
        read_timeout_s=min(settings.outbound.read_timeout_s, _WITNESS_SECONDS),
        total_timeout_s=_WITNESS_SECONDS,
        max_attempts=1,
        ca_file=settings.outbound.ca_file,
        proxy=settings.outbound.proxy,
    )
    witnessing = Witnessing(database, Outbound(options), policy)
    publication = WitnessedPublication(database, signed, witnessing, policy, clock)
    thread = PublicationThread(publication, database, leases, every_seconds=said.publish_every_s)
    return publication, thread


def build_cosigner(settings: Settings, name: str) -> Cosigner:
    """Our key as a witness.

    Raises:
        TidegateError: its file is not usable, or the name can be none.
    """
    return Cosigner.from_seed(name, key_seed(settings.ledger.witness_key_file))


def build_witness(
    settings: Settings, *, name: str, logs: Path, clock: Clock = system_clock
) -> tuple[Witness, Cosigner, Database]:
    """A witness of the logs that a policy file names; close the database afterwards.

    Raises:
        TidegateError: the key, the file or the database is not usable, or the file names no log.
    """
    policy, cosigner = read_policy(logs), build_cosigner(settings, name)
    if not policy.logs:
        raise UsageError("names no log to watch", where=str(logs), remedy="write log <vkey> lines and quorum none")
    database = open_database(settings)
    return Witness(database, cosigner, [log.key for log in policy.logs], clock), cosigner, database
