# SPDX-License-Identifier: Apache-2.0
"""The words a rule may use: every variable, its fields and their types, and which evidence brings it.

docs/reference/policy.md lists the same; a test compares. `tidegate.policy.view` fills them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tidegate.evidence import SBOM, SCAN, VSA, PredicateType
from tidegate.rules.field import Collection, FieldType, Variable


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceKind:
    """A kind of evidence that rules can read.

    Attributes:
        made_by: the command that makes it, for the reason given when it is missing.
    """

    name: str
    predicate_type: PredicateType
    made_by: str


_S, _I, _D, _B = FieldType.STRING, FieldType.INT, FieldType.DOUBLE, FieldType.BOOL
_L, _M = FieldType.STRINGS, FieldType.LABELS

EVIDENCE_KINDS: Final[Mapping[str, EvidenceKind]] = {
    kind.name: kind
    for kind in (
        EvidenceKind(name="scan", predicate_type=SCAN, made_by="tidegate scan"),
        EvidenceKind(name="sbom", predicate_type=SBOM, made_by="tidegate sbom"),
        EvidenceKind(name="vsa", predicate_type=VSA, made_by="tidegate admit --to curation"),
    )
}

VARIABLES: Final[Mapping[str, Variable]] = {
    variable.name: variable
    for variable in (
        Variable(
            name="context",
            evidence="",
            fields={
                "boundary": _S, "repository": _S, "reference": _S, "pushed_by": _S, "environment": _S, "cluster": _S,
                "namespace": _S, "labels": _M, "containers": _I,
            },
        ),
        Variable(
            name="image",
            evidence="scan",
            fields={
                "digest": _S, "name": _S, "platform": _S, "os": _S, "os_version": _S, "layers": _I,
                "has_configuration": _B, "user": _S, "runs_as_root": _B, "exposed_ports": _L, "labels": _M,
            },
        ),
        Variable(
            name="scan",
            evidence="scan",
            fields={
                "age_hours": _I, "signers": _L, "components": _I, "findings": _I, "critical": _I, "high": _I,
                "fixable": _I, "exploited": _I, "secrets": _I, "unmatched": _L, "has_knowledge": _B,
                "knowledge_sequence": _I, "knowledge_age_hours": _I,
            },
        ),
        Variable(
            name="sbom",
            evidence="sbom",
            fields={"age_hours": _I, "signers": _L, "format": _S, "spec_version": _S, "components": _I},
        ),
        Variable(
            name="vsa",
            evidence="vsa",
            fields={
                "age_hours": _I, "signers": _L, "result": _S, "verdict": _S, "boundary": _S, "verifier": _S,
                "passed": _B, "policies": _L, "expires_in_hours": _I,
            },
        ),
    )
}  # fmt: skip

COLLECTIONS: Final[Mapping[str, Collection]] = {
    name: Collection(name=name, item=Variable(name=item, evidence=evidence, fields=fields))
    for name, item, evidence, fields in (
        (
            "findings", "finding", "scan",
            {
                "id": _S, "aliases": _L, "purl": _S, "name": _S, "version": _S, "location": _S, "layer": _S,
                "summary": _S, "severity": _S, "severity_rank": _I, "has_score": _B, "score": _D, "vector": _S,
                "fixable": _B, "fixed_version": _S, "exploited": _B, "ransomware": _B, "exploited_due": _S,
                "has_epss": _B, "epss": _D, "epss_percentile": _D, "malicious": _B, "published": _S,
                "ecosystem": _S, "affected": _S, "references": _L,
            },
        ),
        (
            "components", "component", "scan",
            {
                "kind": _S, "name": _S, "version": _S, "purl": _S, "ecosystem": _S, "location": _S, "layer": _S,
                "cataloger": _S, "source_name": _S, "licenses": _L, "owned": _B,
            },
        ),
        (
            "secrets", "secret", "scan",
            {"rule": _S, "path": _S, "line": _I, "redacted": _S, "fingerprint": _S, "layer": _S, "deleted": _B},
        ),
        (
            "support", "product", "scan",
            {"name": _S, "cycle": _S, "has_end": _B, "ends": _S, "ended": _B, "days_left": _I, "latest": _S},
        ),
        ("outcomes", "outcome", "scan", {"plugin": _S, "status": _S, "location": _S, "reason": _S}),
        ("unmatched", "ecosystem", "scan", {"name": _S, "components": _I}),
        (
            "containers", "container", "",
            {
                "name": _S, "runs_as_root": _B, "privileged": _B, "allows_escalation": _B, "read_only_root": _B,
                "added_capabilities": _L, "host_namespaces": _B,
            },
        ),
    )
}  # fmt: skip
