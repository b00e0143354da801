# SPDX-License-Identifier: Apache-2.0
"""What mends an image, and the proof: the gate is asked of the change, and nothing is put on record.

Either a newer image of the repository passes the gate now; or the fixed versions are put in the place of the old ones
among the image's own components, these are matched with all that is known, and the gate decides over that.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select

from tidegate.admission.gate import Gate
from tidegate.admission.gathered import Gathered
from tidegate.admission.statements import sbom_statement, scan_statement
from tidegate.artifact import Digest, Manifest
from tidegate.clock import Clock
from tidegate.curation.feedback.notice import Fix
from tidegate.curation.shelved import context_of, manifest_of, open_shelved
from tidegate.curation.states import State
from tidegate.errors import TidegateError
from tidegate.evidence import SBOM, SCAN, Advice, Boundary, Decision, Evidence, ScanReport, Verdict
from tidegate.inventory import Component, Inventory, PackageUrl, Version
from tidegate.knowledge.database import Knowledge
from tidegate.oci.image import Image
from tidegate.storage.blobs import BlobStore
from tidegate.storage.database import Database
from tidegate.storage.schema import repository_manifest, state, tag
from tidegate.values import Struct, replace

_MAX_LEFT: Final = 10
_MAX_COMMANDS: Final = 20
_COMMANDS: Final = {
    "pypi": "pip install '{name}=={version}'",
    "npm": "npm install {name}@{version}",
    "apk": "apk add --upgrade '{name}>={version}'",
    "deb": "apt-get install --only-upgrade {name}={version}",
    "rpm": "dnf upgrade {name}-{version}",
    "golang": "go get {name}@v{version}",
    "cargo": "cargo update -p {name} --precise {version}",
    "gem": "bundle update {name}",
    "composer": "composer require {name}:{version}",
    "nuget": "dotnet add package {name} --version {version}",
}
_SAFE: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+~:_/@-")


class Prover:
    """Finds fixes and tries them.

    Args:
        scan: reads an image's facts; layers seen before cost nothing.
        report: joins facts with knowledge.
        knowledge: gives the knowledge of this moment; None while there is none.
    """

    def __init__(
        self,
        database: Database,
        gate: Gate,
        blobs: BlobStore,
        scan: Callable[[Image], Inventory],
        report: Callable[[Inventory, Knowledge | None], ScanReport],
        knowledge: Callable[[], Knowledge | None],
        clock: Clock,
    ) -> None:
        self._database = database
        self._gate = gate
        self._blobs = blobs
        self._scan = scan
        self._report = report
        self._knowledge = knowledge
        self._clock = clock

    def fixes(self, digest: Digest, repository: str) -> tuple[Fix, ...]:
        """What mends an image in a repository, the surest first; empty when nothing is known."""
        with self._database.read() as connection:
            newer = list(self._newer(connection, digest, repository))
        if newer:
            return tuple(newer)
        try:
            return tuple(self._upgraded(digest))
        except TidegateError:
            return ()  # what cannot be read has no fix that could be told

    def _newer(self, connection: Connection, digest: Digest, repository: str) -> Iterator[Fix]:
        """The newest admitted image of the repository that came later, asked of the gate once more."""
        held = repository_manifest
        here = (held.c.repository == repository) & (held.c.digest == digest)
        pushed = connection.scalar(select(held.c.pushed_at).where(here))
        query = (
            select(tag.c.name, tag.c.digest)
            .join(state, state.c.digest == tag.c.digest)
            .join(held, (held.c.digest == tag.c.digest) & (held.c.repository == tag.c.repository))
            .where(tag.c.repository == repository, tag.c.digest != digest, state.c.state == State.ADMITTED)
            .where(held.c.pushed_at >= (pushed or ""))
            .order_by(tag.c.moved_at.desc(), tag.c.name)
            .limit(1)
        )
        for row in connection.execute(query):
            other = Digest(row.digest)
            if not isinstance(manifest_of(connection, other), Manifest):
                tried = _Tried(passes=True, proof="it is admitted; each of its images passed the gate")
            else:
                gathered = self._gate.evidence_of(connection, other)
                decision = self._decide(connection, other, gathered)
                tried = _said(decision, "it was put before the gate again, which")
            yield Fix(
                what=f"Move to {repository}:{row.name}, which is newer and admitted",
                commands=(f"image: {repository}:{row.name}@{row.digest}",),
                passes=tried.passes,
                proof=tried.proof,
                left=tried.left,
            )

    def _upgraded(self, digest: Digest) -> Iterator[Fix]:
        knowledge = self._knowledge()
        with self._database.read() as connection:
            manifest = manifest_of(connection, digest)
        if knowledge is None or not isinstance(manifest, Manifest) or not manifest.is_image:
            return
        inventory = self._scan(open_shelved(manifest, self._blobs, name=str(digest)))
        advice = [one for one in self._report(inventory, knowledge).advice if one.kind == "package" and one.removes]
        if not advice:
            return
        changed = replace(inventory, components=tuple(_changed(one, advice) for one in inventory.components))
        report = self._report(changed, knowledge)
        with self._database.read() as connection:
            gathered = self._gate.evidence_of(connection, digest)
            decision = self._decide(connection, digest, _with(gathered, changed, report, at=self._clock()))
        tried = _said(decision, "these versions were put in place of the old ones, and the gate")
        what = ", ".join(f"{_name(one)} {one.to}" for one in advice[:_MAX_COMMANDS])
        more = f" and {len(advice) - _MAX_COMMANDS} more" if len(advice) > _MAX_COMMANDS else ""
        commands = tuple(command for one in advice[:_MAX_COMMANDS] if (command := command_of(one.subject, one.to)))
        yield Fix(
            what=f"Upgrade to {what}{more}, and push",
            commands=commands,
            passes=tried.passes,
            proof=tried.proof,
            left=tried.left,
        )

    def _decide(self, connection: Connection, digest: Digest, gathered: Gathered) -> Decision:
        context = context_of(connection, digest)
        return self._gate.judge(Boundary.CURATION, digest, context, gathered, at=self._clock())


def command_of(purl: str, version: str) -> str:
    """What upgrades a package by its ecosystem's own tool; "" where none is known, or a name is not plain."""
    kind, _, rest = purl.removeprefix("pkg:").partition("/")
    name = rest.partition("@")[0].partition("?")[0].replace("%40", "@")
    if kind in {"apk", "deb", "rpm"}:
        name = name.rpartition("/")[2]
    if kind == "golang":
        version = version.removeprefix("v")
    if kind not in _COMMANDS or not name or not version or set(name + version) - _SAFE or name.startswith("-"):
        return ""
    return _COMMANDS[kind].format(name=name, version=version)


def _changed(component: Component, advice: Sequence[Advice]) -> Component:
    """The component in the version that is advised for it."""
    for one in advice:
        if component.purl in one.packages:
            old, new = component.version, Version(one.to)
            purl = component.purl.replace(f"@{old}", f"@{new}") if old else component.purl
            source = new if component.source_version else Version("")
            return replace(component, version=new, source_version=source, purl=PackageUrl(purl))
    return component


def _with(gathered: Gathered, inventory: Inventory, report: ScanReport, *, at: datetime) -> Gathered:
    """The evidence as it would be."""
    instead = {SCAN: scan_statement(inventory, report), SBOM: sbom_statement(inventory, made_at=at)}

    def changed(one: Evidence) -> Evidence:
        statement = instead.get(one.predicate_type)
        return replace(one, predicate=statement.predicate, made_at=at) if statement else one

    return replace(gathered, evidence=tuple(changed(one) for one in gathered.evidence))


class _Tried(Struct, frozen=True, kw_only=True):
    passes: bool
    proof: str
    left: tuple[str, ...] = ()


def _said(decision: Decision, tried: str) -> _Tried:
    if decision.verdict is not Verdict.DENY:
        return _Tried(passes=True, proof=f"{tried} says {decision.verdict}")
    counting = [one for one in decision.reasons if one.verdict is Verdict.DENY and not one.excepted_by]
    left = tuple(dict.fromkeys(one.message for one in counting))
    return _Tried(passes=False, proof=f"{tried} still says deny", left=left[:_MAX_LEFT])


def _name(one: Advice) -> str:
    return one.subject.removeprefix("pkg:").partition("@")[0].rpartition("/")[2]
