# SPDX-License-Identifier: Apache-2.0
"""What a decision costs, and what it costs to sign and verify it, against the bare act underneath.

python bench/policy.py
"""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from tidegate.artifact import Digest
from tidegate.evidence import SBOM, SCAN, Boundary, Evidence, Severity, Statement, Subject
from tidegate.inventory import Component, Ecosystem, Inventory, PackageKind, PackageUrl, Version
from tidegate.policy.context import Context
from tidegate.policy.decide import decide
from tidegate.policy.profile import load_profile
from tidegate.sbom import to_cyclonedx
from tidegate.signing.envelope import sign, verify
from tidegate.signing.keys import SigningKey, TrustedKeys

AT = datetime(2026, 6, 1, tzinfo=UTC)
SUBJECT = Digest.of(b"image")
FINDINGS, COMPONENTS = 300, 500
SEVERITIES = (Severity.CRITICAL, *[Severity.HIGH] * 3, *[Severity.MEDIUM] * 10, *[Severity.LOW] * 6)

Row = dict[str, Any]


def run() -> list[Row]:
    """Measures everything here."""
    return [*_policy(), *_signing(), *_sbom()]


def _policy() -> list[Row]:
    policy = load_profile()
    predicate = _report()
    scan = Evidence(
        digest=Digest.of(b"scan"), subject=SUBJECT, predicate_type=SCAN, predicate=predicate, signers=("k",), made_at=AT
    )
    sbom = Evidence(
        digest=Digest.of(b"sbom"), subject=SUBJECT, predicate_type=SBOM, predicate={}, signers=("k",), made_at=AT
    )
    context = Context(trusted=frozenset({"k"}))
    full = _best(lambda: decide(Boundary.CURATION, SUBJECT, context, [scan, sbom], [policy], AT), 50)
    return [
        _row("decide: default profile, 300 findings, 500 components", full, "ms", None, 10.0),
        _row("load and type-check the default profile", _best(load_profile, 10), "ms", None, 100.0),
    ]


def _signing() -> list[Row]:
    key = SigningKey.generate()
    statement = Statement(subjects=(Subject(name="app", digest=SUBJECT),), predicate_type=SCAN, predicate=_report())
    payload, algorithm = statement.to_bytes(), ec.ECDSA(hashes.SHA256())
    bare = ec.generate_private_key(ec.SECP256R1())
    signature, public = bare.sign(payload, algorithm), bare.public_key()
    envelope, trusted = sign(statement, key).content, TrustedKeys.of([key.verifying])
    small = Statement(subjects=statement.subjects, predicate_type=SCAN, predicate={})
    little = sign(small, key).content
    sign_bare = _best(lambda: bare.sign(payload, algorithm), 50)
    verify_bare = _best(lambda: public.verify(signature, payload, algorithm), 50)
    size = f"{len(payload) // 1000} kB"
    return [
        _row(f"sign a statement of {size}", _best(lambda: sign(statement, key), 50), "ms", sign_bare, None),
        _row(f"verify a statement of {size}", _best(lambda: verify(envelope, trusted), 50), "ms", verify_bare, None),
        _row("sign a small statement", _best(lambda: sign(small, key), 100), "ms", None, 2.0),
        _row("verify a small statement", _best(lambda: verify(little, trusted), 100), "ms", None, 2.0),
    ]


def _sbom() -> list[Row]:
    parts = tuple(_component(number) for number in range(3000))
    found = Inventory(digest=SUBJECT, name="app", layers=(SUBJECT,), components=parts)
    return [_row("CycloneDX of 3000 components", _best(lambda: to_cyclonedx(found, made_at=AT), 5), "ms", None, 1000.0)]


def _component(number: int) -> Component:
    return Component(
        kind=PackageKind.DEB,
        name=f"part{number}",
        version=Version("1.0-1"),
        purl=PackageUrl(f"pkg:deb/debian/part{number}@1.0-1?arch=amd64"),
        ecosystem=Ecosystem("Debian:12"),
        location="var/lib/dpkg/status",
        layer=SUBJECT,
        cataloger="dpkg",
        licenses=("GPL-2.0-only AND MIT",) if number % 3 else (f"Custom {number % 100}",),
    )


def _report() -> dict[str, Any]:
    """A scan report as it comes out of an envelope: plain JSON values."""
    why = {
        "ecosystem": "Debian:12",
        "matched_name": "part",
        "matched_version": "1.0-1",
        "affected": "< 1.1",
        "source": "osv",
    }
    findings = [
        {
            "id": f"DEBIAN-CVE-2026-{at:04}", "aliases": [f"CVE-2026-{at:04}"], "name": f"part{at}", "version": "1.0-1",
            "purl": f"pkg:deb/debian/part{at}@1.0-1", "location": "var/lib/dpkg/status", "layer": str(SUBJECT),
            "summary": "something is read past its end when a header is long", "severity": SEVERITIES[at % 20].value,
            "fixed_version": "1.1" if at % 2 else None, "score": 7.5, "vector": "CVSS:3.1/AV:N", "why": why,
            "exploited": None, "epss": 0.01, "epss_percentile": 0.5, "malicious": False, "published": "",
            "references": [],
        }
        for at in range(FINDINGS)
    ]  # fmt: skip
    components = [
        {
            "kind": "deb", "name": f"part{at}", "version": "1.0-1", "purl": f"pkg:deb/debian/part{at}@1.0-1",
            "ecosystem": "Debian:12", "location": "var/lib/dpkg/status", "layer": str(SUBJECT), "cataloger": "dpkg",
        }
        for at in range(COMPONENTS)
    ]  # fmt: skip
    made_at = (AT - timedelta(hours=1)).isoformat()
    return {
        "artifact": {"name": "app", "digest": str(SUBJECT), "layers": [str(SUBJECT)]},
        "components": components, "findings": findings, "secrets": [], "support": [], "outcomes": [], "unmatched": [],
        "configuration": {"user": "app", "runs_as_root": False},
        "knowledge": {"sequence": 1, "digest": "", "made_at": made_at},
    }  # fmt: skip


def _best(act: Callable[[], object], times: int) -> float:
    """Milliseconds of the quickest of several runs."""
    best = float("inf")
    for _ in range(times):
        start = time.perf_counter()
        act()
        best = min(best, time.perf_counter() - start)
    return best * 1000


def _row(name: str, value: float, unit: str, reference: float | None, target: float | None) -> Row:
    return {
        "name": name,
        "value": round(value, 3),
        "unit": unit,
        "reference": None if reference is None else round(reference, 3),
        "ratio": None if reference is None else round(value / reference, 2),
        "target": target,
    }


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))
