# SPDX-License-Identifier: Apache-2.0
"""Evidence about one image, as the scanner and the gates would make it."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from tidegate.artifact import Digest
from tidegate.evidence import (
    PROVENANCE,
    SBOM,
    SCAN,
    VSA,
    Boundary,
    Configuration,
    Decision,
    Evidence,
    Exploitation,
    Finding,
    KnowledgeStamp,
    Match,
    PolicyRef,
    PredicateType,
    ScannedArtifact,
    ScanReport,
    Severity,
    Support,
    Verdict,
)
from tidegate.inventory import (
    Census,
    Component,
    Custody,
    Ecosystem,
    FileCustody,
    FileNature,
    Integrity,
    LocatedSecret,
    Origin,
    OsRelease,
    Outcome,
    OutcomeStatus,
    PackageKind,
    PackageUrl,
    SecretFact,
    Share,
    Version,
)
from tidegate.policy.context import Context
from tidegate.policy.vsa import to_vsa
from tidegate.wire import to_builtins

AT = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
SUBJECT = Digest.of(b"image")
LAYER = Digest.of(b"layer")
SIGNER = "a" * 64
CONTEXT = Context(repository="team/app", pushed_by="ann", trusted=frozenset({SIGNER}))


def finding(number: int = 1, **changes: Any) -> Finding:
    values: dict[str, Any] = {
        "id": f"GHSA-{number:04}",
        "aliases": (f"CVE-2026-{number:04}",),
        "purl": PackageUrl(f"pkg:pypi/part{number}@1.0"),
        "name": f"part{number}",
        "version": Version("1.0"),
        "location": "usr/lib/x",
        "layer": LAYER,
        "summary": "a flaw",
        "fixed_version": Version("1.1"),
        "severity": Severity.LOW,
        "score": 3.1,
        "vector": "",
        "why": Match(
            ecosystem=Ecosystem("PyPI"),
            matched_name=f"part{number}",
            matched_version=Version("1.0"),
            affected="< 1.1",
            source="osv",
        ),
    }
    return Finding(**values | changes)


EXPLOITED = Exploitation(cve="CVE-2026-0001", added=date(2026, 1, 1), due=date(2026, 2, 1), ransomware=False)
SECRET = LocatedSecret(
    secret=SecretFact(rule="private-key", path="root/.ssh/id", line=1, redacted="----", fingerprint="f" * 64),
    layer=LAYER,
    deleted=True,
)
OUTCOME = Outcome(plugin="dpkg", status=OutcomeStatus.FAILED, location="var/lib/dpkg/status", reason="truncated")
ENDED = Support(product="debian", cycle="10", ends=date(2024, 6, 30), ended=True)
COMPONENT = Component(
    kind=PackageKind.PYPI,
    name="part1",
    version=Version("1.0"),
    purl=PackageUrl("pkg:pypi/part1@1.0"),
    ecosystem=Ecosystem("PyPI"),
    location="usr/lib/x",
    layer=LAYER,
    cataloger="python",
)
CUSTODY = Custody(
    shares=(
        Share(origin=Origin.DISTRO, files=6, bytes=600, executables=3),
        Share(origin=Origin.UPSTREAM, files=2, bytes=200, executables=0),
        Share(origin=Origin.IN_HOUSE, files=2, bytes=200, executables=0),
        Share(origin=Origin.UNEXPLAINED, files=0, bytes=0, executables=0),
    )
)


def custody_file(**changes: Any) -> FileCustody:
    values: dict[str, Any] = {
        "path": "usr/bin/a",
        "origin": Origin.DISTRO,
        "integrity": Integrity.MODIFIED,
        "layer": LAYER,
        "package": PackageUrl("pkg:deb/debian/a@1"),
        "digest": Digest.of(b"a"),
        "size": 10,
        "mode": 0o755,
        "nature": FileNature.PROGRAM,
    }
    return FileCustody(**values | changes)


def provenance(predicate: dict[str, Any] | None = None, **changes: Any) -> Evidence:
    made: dict[str, Any] = {
        "buildDefinition": {
            "buildType": "https://actions.github.io/buildtypes/workflow/v1",
            "externalParameters": {"workflow": {"repository": "https://example.com/other/place", "ref": "x"}},
            "resolvedDependencies": [
                {"uri": "pkg:docker/debian@12", "digest": {"sha256": "b" * 64}},
                {"uri": "git+https://example.com/team/app@refs/heads/main", "digest": {"gitCommit": "c" * 40}},
            ],
        },
        "runDetails": {"builder": {"id": "https://example.com/builder"}, "metadata": {"invocationId": "1"}},
    }
    return evidence(PROVENANCE, made if predicate is None else predicate, **changes)


def report(**changes: Any) -> ScanReport:
    values: dict[str, Any] = {
        "artifact": ScannedArtifact(
            name="app", digest=SUBJECT, layers=(LAYER,), os_release=OsRelease(id="debian", version_id="12")
        ),
        "components": (COMPONENT,),
        "findings": (),
        "secrets": (),
        "configuration": Configuration(user="app", runs_as_root=False),
        "support": (),
        "outcomes": (),
        "knowledge": KnowledgeStamp(sequence=7, digest="x", made_at=AT - timedelta(hours=5)),
        "custody": CUSTODY,
        "census": Census(files=10, bytes=1000, shells=("bin/sh",)),
    }
    return ScanReport(**values | changes)


def evidence(predicate_type: PredicateType, predicate: Any, **changes: Any) -> Evidence:
    values: dict[str, Any] = {
        "digest": Digest.of(repr((predicate_type, predicate, changes)).encode()),
        "subject": SUBJECT,
        "predicate_type": predicate_type,
        "predicate": predicate,
        "signers": (SIGNER,),
        "made_at": AT - timedelta(hours=1),
    }
    return Evidence(**values | changes)


def scan(made: dict[str, Any] | None = None, **changes: Any) -> Evidence:
    return evidence(SCAN, to_builtins(report(**changes)), **made or {})


def sbom(**changes: Any) -> Evidence:
    return evidence(SBOM, {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{}]}, **changes)


def policy_text(rules: str) -> str:
    """Wraps rules (a YAML list) into a policy document; the first rule's dash is on line 6, column 5."""
    body = "\n".join(f"    {line}" for line in rules.strip("\n").split("\n"))
    return f"apiVersion: tidegate.dev/v1\nkind: Policy\nmetadata: {{name: test}}\nspec:\n  rules:\n{body}\n"


def decision(**changes: Any) -> Decision:
    values: dict[str, Any] = {
        "boundary": Boundary.CURATION,
        "subject": SUBJECT,
        "verdict": Verdict.ALLOW,
        "reasons": (),
        "rules": ("evidence",),
        "policies": (PolicyRef(name="default", digest=Digest.of(b"policy")),),
        "inputs": (Digest.of(b"scan"),),
        "decided_at": AT - timedelta(hours=1),
        "expires_at": AT + timedelta(days=6),
    }
    return Decision(**values | changes)


def curated(verdict: Verdict, made: dict[str, Any] | None = None, **changes: Any) -> Evidence:
    statement = to_vsa(decision(verdict=verdict, **changes), verifier_id="gate", resource_uri="oci://team/app")
    return evidence(VSA, statement.predicate, **made or {})
