# SPDX-License-Identifier: Apache-2.0
"""Attestations that language registries publish, as saved files: npm's answer and PyPI's (PEP 740).

Sigstore bundles, both. npm: `{"attestations": [{"bundle": …}]}`; PyPI's integrity API: `{"attestation_bundles":
[{"attestations": [{"envelope": {"statement", "signature"}, "verification_material": …}]}]}`. The subject's digest is
that of the archive, as lock files state it.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from tidegate.artifact import Digest
from tidegate.errors import InvalidInputError
from tidegate.evidence import PAYLOAD_TYPE
from tidegate.signing.bundle import MEDIA_TYPE, read_bundle
from tidegate.signing.found import FoundSignature
from tidegate.verification.judge import judge
from tidegate.verification.policy import TrustPolicy
from tidegate.verification.reading import Read
from tidegate.wire import from_json, to_json

MAX_ANSWER_BYTES: Final = 32 << 20
MAX_ATTESTATIONS: Final = 1000


def read_attestations(content: bytes, *, where: str) -> tuple[FoundSignature, ...]:
    """Reads a saved answer, or one bundle; what in it is broken is passed over.

    Raises:
        InvalidInputError: it is neither, or nothing in it can be read.
    """
    answer = from_json(content, dict[str, Any], what=where, max_bytes=MAX_ANSWER_BYTES)
    found: list[FoundSignature] = []
    why: InvalidInputError | None = None
    for number, bundle in enumerate(_bundles(answer)):
        if number >= MAX_ATTESTATIONS:
            break
        try:
            found.append(read_bundle(to_json(bundle), where=where))
        except InvalidInputError as error:
            why = error
    if not found:
        raise why or InvalidInputError("no attestation of npm or PyPI", where=where)
    return tuple(found)


def attested(
    found: Sequence[FoundSignature], policy: TrustPolicy | None, at: datetime
) -> Mapping[Digest, tuple[str, ...]]:
    """The archives that attestations speak of, each with whom somebody trusted vouches for; empty for nobody."""
    told: dict[Digest, tuple[str, ...]] = {}
    for one in found:
        for subject in one.claim.subjects:
            who: tuple[str, ...] = ()
            if policy is not None:
                (result,) = judge(Read(found=(one,)), subject, "", policy, at).signatures
                who = tuple(voucher.who.strip() for voucher in result.vouchers)
            told[subject] = (*told.get(subject, ()), *who)
    return told


def _bundles(answer: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if "dsseEnvelope" in answer:
        yield answer
    for one in _tables(answer, "attestations"):
        if isinstance(one.get("bundle"), dict):
            yield one["bundle"]
    for group in _tables(answer, "attestation_bundles"):
        for one in _tables(group, "attestations"):
            yield _of_pypi(one)


def _of_pypi(one: Mapping[str, Any]) -> Mapping[str, Any]:
    """A PEP 740 attestation as the bundle it was made of."""
    envelope, material = one.get("envelope"), one.get("verification_material")
    envelope, material = (it if isinstance(it, dict) else {} for it in (envelope, material))
    return {
        "mediaType": MEDIA_TYPE,
        "dsseEnvelope": {
            "payload": envelope.get("statement"),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"sig": envelope.get("signature")}],
        },
        "verificationMaterial": {
            "certificate": {"rawBytes": material.get("certificate")},
            "tlogEntries": material.get("transparency_entries") or [],
        },
    }


def _tables(value: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = value.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
