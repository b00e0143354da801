# SPDX-License-Identifier: Apache-2.0
"""The words a rule may use: every variable, its fields and their types, and which evidence brings it.

docs/reference/policy.md lists the same; a test compares. `tidegate.policy.view` fills them.
"""

from collections.abc import Mapping
from typing import Final

from tidegate.evidence.predicates.kinds import KINDS, Kind
from tidegate.rules.field import Collection, FieldType, Variable

_S, _I, _D, _B = FieldType.STRING, FieldType.INT, FieldType.DOUBLE, FieldType.BOOL
_L, _M = FieldType.STRINGS, FieldType.LABELS

EVIDENCE_KINDS: Final[Mapping[str, Kind]] = {name: kind for name, kind in KINDS.items() if kind.made_by}
"""The kinds of evidence that rules can read."""

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
                "has_base": _B, "base": _S, "base_digest": _S, "base_layers": _I, "base_known_by": _S,
                "base_part_of": _S, "has_census": _B, "files": _I, "bytes": _I, "setuid_files": _I,
                "world_writable_files": _I, "shells": _L, "package_managers": _L, "has_custody": _B,
                "unexplained_executables": _I, "in_house_executables": _I, "modified_distro_files": _I,
                "missing_files": _I, "unchecked_files": _I, "distro_share": _D, "upstream_share": _D,
                "in_house_share": _D, "unexplained_share": _D,
            },
        ),
        Variable(
            name="scan",
            evidence="scan",
            fields={
                "age_hours": _I, "signers": _L, "schema_version": _S, "at": _S, "components": _I, "findings": _I,
                "critical": _I, "high": _I, "fixable": _I, "exploited": _I, "malicious": _I, "urgent": _I,
                "secrets": _I, "unmatched": _L, "passed_over": _L, "has_checks": _B, "misconfigurations": _I,
                "notices": _I, "suppressed": _I, "idle": _I, "has_custody": _B, "custody_truncated": _B,
                "has_knowledge": _B, "knowledge_sequence": _I, "knowledge_age_hours": _I,
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
        Variable(
            name="signatures",
            evidence="signatures",
            fields={
                "age_hours": _I, "signers": _L, "policy": _S, "verified": _B, "met": _L, "unmet": _L, "found": _I,
                "holding": _I, "vouchers": _L, "reason": _S,
            },
        ),
        Variable(
            name="provenance",
            evidence="provenance",
            fields={
                "age_hours": _I, "signers": _L, "builder": _S, "build_type": _S, "has_source": _B, "source": _S,
                "source_ref": _S, "source_digest": _S, "materials": _I, "invocation": _S, "started": _S,
                "finished": _S, "commits": _L,
            },
        ),
        Variable(
            name="source",
            evidence="source",
            fields={
                "age_hours": _I, "signers": _L, "repository": _S, "commit": _S, "tree": _S, "ref": _S, "tag": _S,
                "commit_signed": _B, "commit_signer": _S, "tag_signed": _B, "tag_signer": _S, "is_protected": _B,
                "required_reviews": _I, "force_push_blocked": _B, "deletion_blocked": _B, "signatures_required": _B,
                "required_checks": _L, "bypassed_by": _L, "levels": _L,
            },
        ),
        Variable(
            name="commits",
            evidence="commits",
            fields={
                "age_hours": _I, "signers": _L, "repository": _S, "base": _S, "tip": _S, "count": _I, "signed": _I,
                "all_signed": _B, "reviewed": _I, "all_reviewed": _B, "merges": _I, "failing": _I, "passed": _B,
                "rewritten": _B, "demanded": _L, "problems": _L, "authors": _L, "tool": _S,
            },
        ),
        Variable(
            name="tests",
            evidence="tests",
            fields={
                "age_hours": _I, "signers": _L, "runs": _I, "passed_runs": _I, "failed_runs": _I, "all_passed": _B,
                "passed": _I, "failed": _I, "errors": _I, "skipped": _I, "warnings": _I, "tools": _L, "suites": _L,
                "passed_suites": _L,
            },
        ),
        Variable(
            name="reviews",
            evidence="reviews",
            fields={
                "age_hours": _I, "signers": _L, "count": _I, "approvals": _I, "rejections": _I,
                "independent_approvals": _I, "approving_keys": _I, "approvers": _L, "reviewers": _L, "authors": _L,
            },
        ),
        Variable(
            name="behaviour",
            evidence="behaviour",
            fields={
                "age_hours": _I, "signers": _L, "monitor": _S, "has_expectation": _B, "processes": _L,
                "connections": _L, "writes": _L, "deviations": _I, "events": _I, "started": _S, "finished": _S,
            },
        ),
        Variable(
            name="summaries",
            evidence="summaries",
            fields={
                "age_hours": _I, "signers": _L, "count": _I, "passed": _I, "failed": _I, "verifiers": _L,
                "levels": _L,
            },
        ),
        Variable(
            name="vex",
            evidence="vex",
            fields={
                "age_hours": _I, "signers": _L, "documents": _I, "statements": _I, "affected": _I,
                "not_affected": _I, "fixed": _I, "under_investigation": _I,
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
                "ecosystem": _S, "affected": _S, "references": _L, "source": _S, "matched_name": _S,
                "matched_version": _S, "fix_state": _S, "scope": _S, "basis": _S, "part": _S, "has_priority": _B,
                "priority": _D, "urgency": _S, "urgency_rank": _I,
            },
        ),
        (
            "components", "component", "scan",
            {
                "kind": _S, "name": _S, "version": _S, "purl": _S, "ecosystem": _S, "location": _S, "layer": _S,
                "cataloger": _S, "source_name": _S, "licenses": _L, "owned": _B, "owner": _S, "source_version": _S,
                "architecture": _S, "license": _S, "license_class": _S, "scope": _S, "basis": _S, "checksums": _L,
                "deprecated": _S, "supplier": _S,
            },
        ),
        (
            "secrets", "secret", "scan",
            {
                "rule": _S, "path": _S, "line": _I, "redacted": _S, "fingerprint": _S, "layer": _S, "deleted": _B,
                "place": _S, "commit": _S, "author": _S, "decoded": _L, "allowed": _S,
            },
        ),
        (
            "support", "product", "scan",
            {
                "name": _S, "cycle": _S, "has_end": _B, "ends": _S, "ended": _B, "days_left": _I, "latest": _S,
                "subject": _S, "purl": _S, "has_last_fix": _B, "last_fix": _S, "days_since_fix": _I,
                "has_fixes_per_year": _B, "fixes_per_year": _I,
            },
        ),
        ("outcomes", "outcome", "scan", {"plugin": _S, "status": _S, "location": _S, "reason": _S}),
        ("unmatched", "ecosystem", "scan", {"name": _S, "components": _I}),
        (
            "misconfigurations", "misconfiguration", "scan",
            {
                "id": _S, "title": _S, "severity": _S, "severity_rank": _I, "reason": _S, "fix": _S,
                "references": _L, "subject": _S, "location": _S, "line": _I,
            },
        ),
        ("notices", "notice", "scan", {"kind": _S, "purl": _S, "location": _S, "reason": _S}),
        (
            "suppressed", "suppression", "scan",
            {
                "what": _S, "id": _S, "purl": _S, "severity": _S, "severity_rank": _I, "exploited": _B,
                "said_in": _S, "source": _S, "status": _S, "reason": _S, "has_expiry": _B, "expires": _S,
                "days_left": _I,
            },
        ),
        (
            "idle", "word", "scan",
            {
                "id": _S, "said_in": _S, "source": _S, "status": _S, "reason": _S, "has_expiry": _B, "expires": _S,
                "why": _S, "detail": _S,
            },
        ),
        (
            "advice", "step", "scan",
            {"kind": _S, "subject": _S, "to": _S, "removes": _I, "adds": _I, "unknown": _S},
        ),
        (
            "files", "file", "scan",
            {
                "path": _S, "listed": _S, "origin": _S, "integrity": _S, "executable": _B, "setuid": _B,
                "configuration": _B, "package": _S, "layer": _S, "digest": _S, "size": _I, "mode": _I, "nature": _S,
            },
        ),
        ("shares", "share", "scan", {"origin": _S, "files": _I, "bytes": _I, "executables": _I}),
        ("materials", "material", "provenance", {"name": _S, "uri": _S, "has_digest": _B, "digest": _S}),
        (
            "trail", "commit", "commits",
            {
                "id": _S, "author": _S, "committer": _S, "signature": _S, "form": _S, "signer": _S, "key": _S,
                "merge": _B, "reviewers": _L, "co_authors": _L, "problems": _L,
            },
        ),
        (
            "test_runs", "run", "tests",
            {
                "tool": _S, "suite": _S, "form": _S, "result": _S, "passed": _B, "has_counts": _B, "passed_tests": _I,
                "failed_tests": _I, "errors": _I, "skipped": _I, "warnings": _I, "notes": _I, "failed_names": _L,
                "url": _S, "age_hours": _I, "signers": _L,
            },
        ),
        (
            "review_list", "review", "reviews",
            {
                "reviewer": _S, "decision": _S, "approved": _B, "is_independent": _B, "authors": _L, "scope": _S,
                "change": _S, "commit": _S, "comment": _S, "age_hours": _I, "signers": _L,
            },
        ),
        ("deviations", "deviation", "behaviour", {"kind": _S, "what": _S}),
        (
            "verifications", "verification", "summaries",
            {
                "verifier": _S, "policy": _S, "resource": _S, "passed": _B, "levels": _L, "verified": _S,
                "slsa_version": _S, "age_hours": _I, "signers": _L,
            },
        ),
        (
            "vex_statements", "claim", "vex",
            {"id": _S, "ids": _L, "status": _S, "reason": _S, "age_hours": _I, "signers": _L},
        ),
        (
            "containers", "container", "",
            {
                "name": _S, "runs_as_root": _B, "privileged": _B, "allows_escalation": _B, "read_only_root": _B,
                "added_capabilities": _L, "host_namespaces": _B,
            },
        ),
    )
}  # fmt: skip
