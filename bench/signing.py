# SPDX-License-Identifier: Apache-2.0
"""What it costs to sign a statement and to verify one, and an image's signature by a trust policy, in process.

python -m bench signing
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from tidegate.artifact import Descriptor, Digest
from tidegate.evidence import Boundary, Decision, PolicyRef, Verdict
from tidegate.oci.signatures import Attached, Hanging
from tidegate.policy.vsa import from_vsa, to_vsa
from tidegate.signing.bundle import MEDIA_TYPE, write_bundle
from tidegate.signing.envelope import sign, verify
from tidegate.signing.keys import SigningKey, TrustedKeys
from tidegate.signing.scheme import Scheme
from tidegate.signing.statement_claim import signature_statement
from tidegate.verification.judge import judge
from tidegate.verification.policy import KeyAuthority, Requirement, TrustPolicy
from tidegate.verification.reading import read_all

AT = datetime(2027, 1, 1, tzinfo=UTC)
IMAGE = Digest.of(b"image")
TIMES = 300

Row = dict[str, Any]


def run() -> list[Row]:
    """Measures everything here."""
    key = SigningKey.generate()
    statement = to_vsa(_decision(), verifier_id="https://tidegate.dev/verifier", resource_uri="r.example/app")
    envelope, trusted = sign(statement, key).content, TrustedKeys.of([key.verifying])
    bare = ec.generate_private_key(ec.SECP256R1())
    data, algorithm = statement.to_bytes(), ec.ECDSA(hashes.SHA256())
    signature, public = bare.sign(data, algorithm), bare.public_key()
    signing = _best(lambda: bare.sign(data, algorithm))
    verifying = _best(lambda: public.verify(signature, data, algorithm))
    rows = [
        _row("sign a decision (P-256, DSSE)", _best(lambda: sign(statement, key)), 1000.0),
        _row("the same without DSSE", signing, None),
        _row("verify a decision: signature, expiry", _best(lambda: _decided(envelope, trusted)), 300.0),
        _row("verify an image's bundle by a trust policy", _best(_judged(key)), 300.0),
        _row("the signature alone", verifying, None),
    ]
    for scheme in (Scheme.ECDSA_P384, Scheme.ED25519, Scheme.RSA_PSS):
        other = SigningKey.generate(scheme)
        made = sign(statement, other).content
        keys = TrustedKeys.of([other.verifying])
        rows.append(_row(f"verify a decision ({scheme})", _best(partial(_decided, made, keys)), None))
    return rows


def _decided(envelope: bytes, trusted: TrustedKeys) -> Decision:
    decision = from_vsa(verify(envelope, trusted).statement)
    assert decision.expires_at > AT
    return decision


def _judged(key: SigningKey) -> Callable[[], object]:
    content = write_bundle(signature_statement(IMAGE, {"env": "prod"}), key)
    layer = Descriptor(media_type=MEDIA_TYPE, digest=Digest.of(content), size=len(content))
    hanging = Hanging(attached=(Attached(layer=layer, where="r", content=content),))
    policy = TrustPolicy(
        name="company",
        digest=IMAGE,
        authorities={"team": KeyAuthority(name="team", keys=TrustedKeys.of([key.verifying]))},
        requirements=(Requirement(name="signed", by=("team",), annotations={"env": "prod"}),),
    )

    def once() -> object:
        found = judge(read_all(hanging), IMAGE, "r.example/app", policy, AT)
        assert found.verified
        return found

    return once


def _decision() -> Decision:
    return Decision(
        boundary=Boundary.CURATION,
        subject=IMAGE,
        verdict=Verdict.ALLOW,
        reasons=(),
        rules=("one", "two", "three"),
        policies=(PolicyRef(name="default", digest=IMAGE),),
        inputs=(IMAGE, Digest.of(b"sbom")),
        decided_at=AT,
        expires_at=AT + timedelta(days=7),
    )


def _best(act: Callable[[], object]) -> float:
    """Microseconds of processor time, the best of three series."""
    series = []
    for _ in range(3):
        start = time.process_time()
        for _ in range(TIMES):
            act()
        series.append((time.process_time() - start) / TIMES * 1e6)
    return min(series)


def _row(name: str, value: float, target: float | None) -> Row:
    return {"name": name, "value": round(value, 1), "unit": "µs", "reference": None, "ratio": None, "target": target}


if __name__ == "__main__":
    for row in run():
        print(row)
