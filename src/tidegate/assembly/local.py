# SPDX-License-Identifier: Apache-2.0
"""tidegate without a server: the same gate and the same record, used by one command."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from tidegate.admission.gate import Gate
from tidegate.admission.gathered import gathered_of
from tidegate.admission.records import evidence_of_others
from tidegate.admission.statements import sbom_statement, scan_statement
from tidegate.artifact import Digest, Platform
from tidegate.assembly.examiner import Examiner
from tidegate.assembly.execution import build_execution
from tidegate.assembly.gate import build_gate
from tidegate.assembly.home import Home
from tidegate.assembly.names import named_digest, own_reference
from tidegate.assembly.outward import build_outbound, build_registry_client
from tidegate.assembly.scanner import build_scanner
from tidegate.assembly.stores import open_database
from tidegate.bounds import MIB, Readable, read_bounded
from tidegate.clock import Clock, parse_rfc3339, system_clock
from tidegate.curation.shelved import context_of
from tidegate.errors import InvalidInputError, NotFoundError, OutsideError
from tidegate.evidence import Boundary, Decision, Evidence, Statement
from tidegate.execution.admit import ExecutionGate
from tidegate.execution.gate import WorkloadReview
from tidegate.execution.placing.placed import Placed
from tidegate.inventory import Inventory
from tidegate.knowledge.database import Knowledge
from tidegate.manifests.documents import read_documents
from tidegate.oci.attached import attached_envelopes, statements_at
from tidegate.oci.image import Folder
from tidegate.oci.layout import LayoutBlobs
from tidegate.oci.open import open_target
from tidegate.oci.signatures import LayoutPlace
from tidegate.oci.target import Scheme, parse_target
from tidegate.settings import Settings
from tidegate.storage.database import Database

MAX_MANIFEST_BYTES: Final = 4 * MIB
_EPOCH: Final = parse_rfc3339("1970-01-01T00:00:00Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """What commands ask of the record in the home folder; a server may be using it at the same time."""

    settings: Settings
    database: Database
    gate: Gate
    execution: ExecutionGate
    clock: Clock

    def admit_to_curation(
        self, target: str, *, platform: str | None = None, insecure: bool = False, record: bool = True
    ) -> Decision:
        """Examines an image wherever it lies and decides at the curation boundary.

        Raises:
            TidegateError: the image cannot be read, or there is no knowledge file.
        """
        inventory, attached = self._examined(target, platform, insecure=insecure)
        at = self.clock()
        with Knowledge.open(self.settings.db) as knowledge:
            report = Examiner(self.settings).report(inventory, knowledge)
        statements = (
            sbom_statement(inventory, made_at=_EPOCH),
            scan_statement(inventory, report),
            *self._signatures(target, inventory.digest, insecure=insecure, at=at),
        )
        subject = inventory.digest
        with self.database.read() as connection:
            context = context_of(connection, subject, reference=target)
            trust = self.gate.trust(connection)
        if not record:
            evidence = (
                *(self._unrecorded(statement, subject) for statement in statements),
                *evidence_of_others(attached, subject, trust, at=at),
            )
            gathered = gathered_of(evidence)
            return self.gate.judge(Boundary.CURATION, subject, context, gathered, at=at)
        with self.database.begin() as connection:
            for statement in statements:
                self.gate.add(connection, statement, at=at)
            self.gate.add_others(connection, attached, subject, at=at)
            gathered = self.gate.evidence_of(connection, subject)
            decision = self.gate.judge(Boundary.CURATION, subject, context, gathered, at=at)
            self.gate.conclude(connection, decision, resource_uri=target, at=at)
        return decision

    def admit_to_execution(self, name: str, *, record: bool = True) -> Decision:
        """Decides over one image at the execution boundary, from what is on record.

        Raises:
            NotFoundError: nothing is on record of it.
        """
        with self.database.read() as connection:
            digest = self.digest_of(connection, name)
            reference = own_reference(name).at(digest)
            decision = self.execution.decide_image(connection, digest, reference)
        if decision is None:
            raise NotFoundError("nothing is on record of it", where=name, remedy="admit it to curation first")
        if record:
            with self.database.begin() as connection:
                self.gate.conclude(connection, decision, resource_uri=str(reference), at=self.clock())
        return decision

    def admit_workloads(self, path: Path, *, cluster: str, record: bool = True) -> WorkloadReview:
        """Puts a file of Kubernetes manifests before the execution gate.

        Raises:
            TidegateError: the file cannot be read, or is no such file.
        """
        documents = read_documents(_manifests(path), where=str(path))
        return self.execution.review(documents, where=str(path), cluster=cluster, record=record)

    def placed(self, path: Path, *, cluster: str, given: Readable | None = None) -> tuple[Placed, ...]:
        """Places the workloads of a file, or of what is given, and puts nothing on record.

        Raises:
            TidegateError: they cannot be read, or are no such file.
        """
        raw = _manifests(path) if given is None else read_bounded(given, max_bytes=MAX_MANIFEST_BYTES, what=str(path))
        return self.execution.placed(read_documents(raw, where=str(path)), where=str(path), cluster=cluster)

    def _examined(self, name: str, platform: str | None, *, insecure: bool) -> tuple[Inventory, tuple[bytes, ...]]:
        """What is in an image, and the envelopes that hang on it where it lies."""
        wanted, target = Platform.parse(platform) if platform else None, parse_target(name)
        with build_outbound(self.settings, insecure=insecure) as outbound:
            registry = build_registry_client(self.settings, outbound)
            with open_target(target, platform=wanted, registry=registry) as image:
                if isinstance(image, Folder):
                    raise InvalidInputError(
                        "is a folder, not an image", where=name, remedy="build an image of it first"
                    )
                inventory = build_scanner(self.settings)(image)
            if target.reference is not None:
                return inventory, attached_envelopes(registry, target.reference, inventory.digest)
        if target.scheme is Scheme.OCI and target.path is not None:
            return inventory, statements_at(LayoutPlace(LayoutBlobs(target.path)), inventory.digest)
        return inventory, ()

    def _signatures(self, name: str, image: Digest, *, insecure: bool, at: datetime) -> tuple[Statement, ...]:
        """What the trust policy makes of the signatures on an image; nothing where there is no such policy."""
        file, target = self.settings.signing.trust_policy_file, parse_target(name)
        if file is None or (target.reference is None and target.scheme is not Scheme.OCI):
            return ()
        from tidegate.assembly.signing import verify_found
        from tidegate.verification.document import load_trust_policy
        from tidegate.verification.statement import signatures_statement

        found = verify_found(self.settings, load_trust_policy(file), target, image, insecure=insecure, at=at)
        return (signatures_statement(found, image),)

    def _unrecorded(self, statement: Statement, subject: Digest) -> Evidence:
        """Evidence for a dry run: what our own key would sign."""
        return Evidence(
            digest=Digest.of(statement.to_bytes()),
            subject=subject,
            predicate_type=statement.predicate_type,
            predicate=statement.predicate,
            signers=(self.gate.signer.key_id,),
            made_at=self.clock(),
        )

    def digest_of(self, connection: Connection, name: str) -> Digest:
        """The digest a person named: itself, or what a tag of our registry points to.

        Raises:
            NotFoundError: there is no such tag.
        """
        return named_digest(connection, name)


def _manifests(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return read_bounded(file, max_bytes=MAX_MANIFEST_BYTES, what=str(path))
    except FileNotFoundError as error:
        raise NotFoundError("no such file", where=str(path), remedy="check the path") from error
    except OSError as error:
        raise OutsideError(f"cannot be read: {error.strerror}", where=str(path)) from error


@contextmanager
def open_local(settings: Settings, *, clock: Clock = system_clock) -> Iterator[Local]:
    """Opens the record in the home folder, which is made when it is not there.

    Raises:
        TidegateError: a key, a policy or the home folder is not usable.
    """
    Home(folder=settings.home).make()
    database = open_database(settings)
    try:
        gate = build_gate(settings)
        execution = build_execution(settings, database, gate, clock)
        yield Local(settings=settings, database=database, gate=gate, execution=execution, clock=clock)
    finally:
        database.close()
