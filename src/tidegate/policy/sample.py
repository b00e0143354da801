# SPDX-License-Identifier: Apache-2.0
"""Whole evidence from the few lines of it that a policy test writes down: what is not said is harmless."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from tidegate.artifact import Digest
from tidegate.clock import rfc3339
from tidegate.errors import InvalidInputError
from tidegate.evidence import (
    PROVENANCE,
    SBOM,
    SCAN,
    VSA,
    Boundary,
    Decision,
    Evidence,
    PolicyRef,
    PredicateType,
    Verdict,
)
from tidegate.evidence.scan_report import SCHEMA_VERSION
from tidegate.policy.scan_view import view_scan
from tidegate.policy.vsa import to_vsa
from tidegate.rules.marked_yaml import Listing, Node, Scalar
from tidegate.rules.reading import Fields, defect

SUBJECT: Final = Digest("sha256:" + "0" * 64)
"""The image every policy test speaks of."""
SIGNER: Final = "0" * 64
"""The key every policy test trusts."""

SOURCE: Final = "https://example.com/team/app"
"""Where the image of every policy test was built from."""

Predicate = tuple[PredicateType, Mapping[str, Any]]

CONTAINER: Final[Mapping[str, Any]] = {
    "name": "app",
    "runs_as_root": False,
    "privileged": False,
    "allows_escalation": False,
    "read_only_root": False,
    "added_capabilities": [],
    "host_namespaces": False,
}

_WHY: Final = {"ecosystem": "PyPI", "matched_name": "part", "matched_version": "1.0", "affected": "", "source": "test"}
_EXPLOITED: Final = {"cve": "CVE-2026-0001", "added": "2026-01-01", "due": "2026-01-22", "ransomware": False}
_FINDING: Final[Mapping[str, Any]] = {
    "id": "CVE-2026-0001",
    "aliases": [],
    "purl": "pkg:pypi/part@1.0",
    "name": "part",
    "version": "1.0",
    "location": "usr/lib/part",
    "layer": SUBJECT,
    "summary": "",
    "fixed_version": None,
    "severity": "unknown",
    "score": None,
    "vector": "",
    "why": _WHY,
    "exploited": None,
    "epss": None,
    "epss_percentile": None,
    "malicious": False,
    "published": "",
    "references": [],
    "fix_state": "unknown",
    "scope": "runtime",
    "basis": "installed",
    "part": "",
    "priority": None,
}
_COMPONENT: Final[Mapping[str, Any]] = {
    "kind": "pypi",
    "name": "part",
    "version": "1.0",
    "purl": "pkg:pypi/part@1.0",
    "ecosystem": "PyPI",
    "location": "usr/lib/part",
    "layer": SUBJECT,
    "cataloger": "python",
    "source_name": "",
    "licenses": [],
    "owner": None,
    "source_version": "",
    "architecture": "",
    "scope": "runtime",
    "basis": "installed",
    "checksums": [],
    "deprecated": "",
    "supplier": "",
    "license": "MIT",
    "license_class": "permissive",
}
_SECRET: Final = {
    "rule": "private-key",
    "path": "key.pem",
    "line": 1,
    "redacted": "----",
    "fingerprint": "0" * 64,
    "place": "file",
    "commit": "",
    "author": "",
    "decoded": [],
    "allowed": "",
}
_LOCATED: Final = {"secret": _SECRET, "layer": SUBJECT, "deleted": False}
_SUPPORT: Final = {
    "product": "debian",
    "cycle": "12",
    "ends": None,
    "ended": False,
    "latest": "",
    "subject": "distribution",
    "purl": "",
    "last_fix": None,
    "fixes_per_year": None,
}
_MISCONFIGURATION: Final = {
    "id": "TG-IMG-006",
    "title": "",
    "severity": "high",
    "reason": "",
    "fix": "",
    "references": [],
    "subject": "image",
    "location": "",
    "line": 0,
}
_NOTICE: Final = {"kind": "deprecated", "purl": "pkg:pypi/part@1.0", "location": "", "reason": ""}
_WORD: Final = {
    "said_in": "trivyignore",
    "source": ".trivyignore:1",
    "id": "CVE-2026-0001",
    "status": "ignored",
    "reason": "",
    "expires": None,
}
_FILE: Final = {
    "path": "usr/bin/part",
    "origin": "unexplained",
    "integrity": "added",
    "layer": SUBJECT,
    "package": None,
    "digest": None,
    "size": 1,
    "mode": 0o755,
    "nature": "program",
    "is_configuration": False,
}
_SHARE: Final = {"origin": "distro", "files": 1, "bytes": 1, "executables": 1}
_CUSTODY: Final = {
    "shares": [_SHARE],
    "modified": [],
    "missing": [],
    "unexplained": [],
    "in_house": [],
    "unchecked": 0,
    "truncated": False,
}
_CENSUS: Final = {"files": 1, "bytes": 1, "setuid": [], "world_writable": [], "shells": [], "package_managers": []}
_BASE: Final = {"name": "docker.io/library/debian:12", "layers": 1, "known_by": "layers", "digest": None, "part_of": ""}
_ADVICE: Final = {
    "kind": "package",
    "subject": "pkg:pypi/part@1.0",
    "to": "2.0",
    "removes": [],
    "adds": [],
    "unknown": "",
}
_PRIORITY: Final = {"score": 50.0, "urgency": "soon", "profile": ""}
_OUTCOME: Final = {"plugin": "dpkg", "status": "failed", "location": "var/lib/dpkg/status", "reason": "truncated"}
_CONFIGURATION: Final = {"user": "app", "runs_as_root": False, "exposed_ports": [], "labels": {}}
_ARTIFACT: Final = {"name": "app", "layers": [SUBJECT], "os_release": {"id": "debian", "version_id": "12"}}
_LISTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "findings": _FINDING,
    "components": _COMPONENT,
    "secrets": _LOCATED,
    "support": _SUPPORT,
    "outcomes": _OUTCOME,
    "misconfigurations": _MISCONFIGURATION,
    "suppressed": {"finding": _FINDING, "by": _WORD},
    "suppressed_secrets": {"secret": _LOCATED, "by": _WORD},
    "suppressed_misconfigurations": {"misconfiguration": _MISCONFIGURATION, "by": _WORD},
    "idle": {"word": _WORD, "why": "unused", "detail": ""},
    "notices": _NOTICE,
    "advice": _ADVICE,
}
_WITHIN: Final[Mapping[str, Mapping[str, Any]]] = {
    "shares": _SHARE,
    "modified": _FILE | {"origin": "distro", "integrity": "modified", "package": "pkg:deb/debian/part@1.0"},
    "missing": _FILE | {"origin": "distro", "integrity": "missing", "package": "pkg:deb/debian/part@1.0"},
    "unexplained": _FILE,
    "in_house": _FILE | {"origin": "in-house"},
}
"""Lists inside of custody, and what a file in each is like."""
_NESTED: Final[Mapping[str, Mapping[str, Any]]] = {"exploited": _EXPLOITED, "priority": _PRIORITY}
"""What may stand where there is nothing usually."""
_INT: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_FLOAT: Final = re.compile(r"-?[0-9]{1,17}\.[0-9]{1,17}")
_WORDS: Final = {"": None, "~": None, "null": None, "true": True, "false": False}


def sample_report(node: Node | None, made_at: datetime) -> Predicate:
    """A scan report from the parts a test gives, in the report's own field names.

    Raises:
        InvalidInputError: a field is unknown, or of the wrong type.
    """
    report: dict[str, Any] = {name: [] for name in (*_LISTS, "unmatched")}
    report["configuration"] = dict(_CONFIGURATION)
    report["knowledge"] = {"sequence": 1, "digest": "", "made_at": rfc3339(made_at)}
    report["artifact"] = _ARTIFACT | {"digest": SUBJECT}
    report |= {"schema_version": SCHEMA_VERSION, "at": made_at.date().isoformat()}
    report |= {"custody": dict(_CUSTODY), "census": dict(_CENSUS), "base": None}
    if node is not None:
        fields = Fields.of(node, *report)
        for name in fields.table.entries:
            report[name] = _part(name, fields, report[name])
        _check(node, report, made_at)
    return SCAN, report


def sample_sbom(components: int) -> Predicate:
    """A bill of materials with so many components."""
    return SBOM, {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{}] * components}


def sample_provenance(source: str) -> Predicate:
    """Build provenance that names this source, with a commit; or none for ""."""
    materials = [{"uri": f"git+{source}", "digest": {"gitCommit": "0" * 40}}] if source else []
    return PROVENANCE, {
        "buildDefinition": {"buildType": "test", "externalParameters": {}, "resolvedDependencies": materials},
        "runDetails": {"builder": {"id": "test"}},
    }


def sample_vsa(verdict: Verdict, boundary: Boundary, made_at: datetime) -> Predicate:
    """What the gate before this boundary decided."""
    before = Boundary.INTAKE if boundary is Boundary.CURATION else Boundary.CURATION
    decision = Decision(
        boundary=before,
        subject=SUBJECT,
        verdict=verdict,
        reasons=(),
        rules=(),
        policies=(PolicyRef(name="test", digest=SUBJECT),),
        inputs=(),
        decided_at=made_at,
        expires_at=made_at + timedelta(days=3650),
    )
    return VSA, to_vsa(decision, verifier_id="test", resource_uri="test").predicate


def filled(node: Node, template: Mapping[str, Any]) -> dict[str, Any]:
    """A table with what it does not say taken from a template, whose keys are the only ones allowed.

    Raises:
        InvalidInputError: it is no table, or has another key.
    """
    fields = Fields.of(node, *template)
    made = dict(template)
    for name in fields.table.entries:
        value = fields.table.entries[name][1]
        usual = template.get(name)
        known = usual if isinstance(usual, dict) and usual else _NESTED.get(name)
        if name in _WITHIN and isinstance(template.get(name), list):
            made[name] = [filled(item, _WITHIN[name]) for item in fields.listing(name)]
        elif known is None:
            made[name] = plain(value)
        else:
            made[name] = _flag(value, known) if isinstance(value, Scalar) else filled(value, known)
    return made


def _part(name: str, fields: Fields, default: Any) -> Any:
    node = fields.optional(name)
    if node is None:
        return None
    if name in _LISTS:
        return [filled(item, _LISTS[name]) for item in fields.listing(name)]
    if name == "base" and not isinstance(node, Scalar):
        return filled(node, _BASE)
    return filled(node, default) if isinstance(default, dict) and not isinstance(node, Scalar) else plain(node)


def _flag(value: Scalar, template: Mapping[str, Any]) -> Any:
    """`exploited: true` is short for an entry with all defaults."""
    said = plain(value)
    return template if said is True else None if said is False else said


def plain(node: Node) -> Any:
    """YAML's core schema, without its surprises: only `true`, `false`, `null`, `~` and decimal numbers are no text."""
    if isinstance(node, Listing):
        return [plain(item) for item in node.items]
    if not isinstance(node, Scalar):
        return {name: plain(value) for name, (_, value) in node.entries.items()}
    if node.style:
        return node.text
    if node.text in _WORDS:
        return _WORDS[node.text]
    return (
        int(node.text) if _INT.fullmatch(node.text) else float(node.text) if _FLOAT.fullmatch(node.text) else node.text
    )


def _check(node: Node, report: Mapping[str, Any], at: datetime) -> None:
    evidence = Evidence(digest=SUBJECT, subject=SUBJECT, predicate_type=SCAN, predicate=report, signers=(), made_at=at)
    try:
        view_scan(evidence, at)
    except InvalidInputError as error:
        raise defect(node, error.what) from error
