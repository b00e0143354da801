# SPDX-License-Identifier: Apache-2.0
"""Every field of a signature, changed: what held holds no longer, and the report says which signature and why."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from signing_authority import DURING, Authority
from tidegate.artifact import Descriptor, Digest
from tidegate.artifact import media_type as mt
from tidegate.evidence import PROVENANCE, Statement, Subject
from tidegate.evidence.predicates.signatures import Verification
from tidegate.oci.signatures import Attached, Hanging, PassedOver
from tidegate.rules.condition import Condition
from tidegate.signing import simple
from tidegate.signing.bundle import MEDIA_TYPE, write_bundle
from tidegate.signing.certificate import SignerCertificate
from tidegate.signing.envelope import sign
from tidegate.signing.keys import SigningKey, TrustedKeys
from tidegate.signing.scheme import Scheme
from tidegate.signing.statement_claim import signature_statement
from tidegate.verification import vouching
from tidegate.verification.judge import judge
from tidegate.verification.policy import CertificateAuthority, Identity, KeyAuthority, Requirement, TrustPolicy
from tidegate.verification.reading import read_all

AT = datetime(2027, 1, 1, tzinfo=UTC)
IMAGE, OTHER_IMAGE = Digest.of(b"image"), Digest.of(b"another")
ANNA, BEN, CARLA, MALLORY = (SigningKey.generate() for _ in range(4))
CA = Authority()
STATEMENT = Statement(
    subjects=(Subject(name="app", digest=IMAGE),), predicate_type=PROVENANCE, predicate={"builder": {"id": "ci"}}
)


def trusting(*keys: SigningKey, **requirement: Any) -> TrustPolicy:
    """A policy that trusts keys, and asks for one thing."""
    authority = KeyAuthority(name="team", keys=TrustedKeys.of(key.verifying for key in keys))
    asked = Requirement(**{"name": "asked", "by": ("team",), **requirement})
    return TrustPolicy(name="test", digest=Digest.of(b"policy"), authorities={"team": authority}, requirements=(asked,))


def layer(content: bytes, kind: str, **annotations: str) -> Attached:
    descriptor = Descriptor(media_type=kind, digest=Digest.of(content), size=len(content), annotations=annotations)
    return Attached(layer=descriptor, where=descriptor.digest.short, content=content)


def bundle(key: SigningKey = ANNA, subject: Digest = IMAGE, **annotations: str) -> Attached:
    return layer(write_bundle(signature_statement(subject, annotations), key), MEDIA_TYPE)


def tagged(key: SigningKey = ANNA, subject: Digest = IMAGE, payload: bytes | None = None, **said: str) -> Attached:
    content = payload or simple.simple_payload(None, subject, said)
    signature = base64.b64encode(key.sign(content)).decode()
    return layer(content, mt.SIMPLE_SIGNING, **{simple.SIGNATURE: signature})


def envelope(key: SigningKey = ANNA) -> Attached:
    return layer(sign(STATEMENT, key).content, mt.DSSE)


def verified(policy: TrustPolicy, *found: Attached, repository: str = "r.example/app") -> Verification:
    return judge(read_all(Hanging(attached=found)), IMAGE, repository, policy, AT)


def edited(one: Attached, change: Callable[[dict[str, Any]], object]) -> Attached:
    document = json.loads(one.content)
    change(document)
    return layer(json.dumps(document).encode(), one.layer.media_type, **one.layer.annotations)


MAKERS: list[Callable[..., Attached]] = [bundle, tagged]


@pytest.mark.parametrize("make", MAKERS)
def test_what_holds(make: Callable[..., Attached]) -> None:
    found = verified(trusting(ANNA), make())
    assert found.verified
    assert found.requirements[0].signers == (ANNA.key_id,)
    assert [one.holds for one in found.signatures] == [True]


@pytest.mark.parametrize("make", MAKERS)
def test_a_wrong_key(make: Callable[..., Attached]) -> None:
    found = verified(trusting(ANNA), make(MALLORY))
    assert not found.verified
    assert "not signed by its key" in found.signatures[0].reasons[0]
    assert "no signature by team holds" in found.requirements[0].reasons[0]


@pytest.mark.parametrize("make", MAKERS)
def test_another_subject(make: Callable[..., Attached]) -> None:
    found = verified(trusting(ANNA), make(ANNA, OTHER_IMAGE))
    assert not found.verified
    assert f"speaks of another image, {OTHER_IMAGE}" in found.signatures[0].reasons[0]


def test_nothing_nobody_and_no_place() -> None:
    assert verified(trusting(ANNA)).requirements[0].reasons == ("there is no signature",)
    assert not verified(trusting(), bundle()).verified
    elsewhere = verified(trusting(ANNA, images=("r.example/team/*",)), bundle())
    assert not elsewhere.verified
    assert elsewhere.reasons == ("no requirement of the policy is for r.example/app",)
    assert verified(trusting(ANNA, images=("r.example/team/*",)), bundle(), repository="").verified


def test_m_of_n() -> None:
    policy = trusting(ANNA, BEN, CARLA, threshold=2)
    assert verified(policy, bundle(ANNA), tagged(BEN)).verified
    twice = verified(policy, bundle(ANNA), tagged(ANNA))
    assert not twice.verified, "the same signer twice is one"
    assert twice.requirements[0].reasons[0] == "1 of 2 signers of team vouch for it"
    assert not verified(policy, bundle(ANNA), bundle(MALLORY)).verified
    assert not verified(policy, bundle(ANNA), bundle(BEN, OTHER_IMAGE)).verified


def certified(key: SigningKey, *names: str) -> Attached:
    issued = CA.middle.issue(names[0], key=key._private, names=names)
    certificate = SignerCertificate(issued.certificate, (CA.middle.certificate,))
    return layer(write_bundle(signature_statement(IMAGE, {}), key, certificate), MEDIA_TYPE)


def naming(name: str) -> CertificateAuthority:
    return CertificateAuthority(name=name, identities=(Identity(name=f"{name}@acme.example"),), roots=CA.every)


def two_of(*trusted: KeyAuthority | CertificateAuthority) -> TrustPolicy:
    asked = Requirement(name="asked", by=tuple(one.name for one in trusted), threshold=2)
    return TrustPolicy(name="test", digest=IMAGE, authorities={one.name: one for one in trusted}, requirements=(asked,))


def test_one_private_key_is_one_signer() -> None:
    """However many names it goes by: its own, that of its certificate, several in one certificate."""
    keys = KeyAuthority(name="keys", keys=TrustedKeys.of([ANNA.verifying, BEN.verifying]))

    def met(policy: TrustPolicy, *found: Attached) -> bool:
        return judge(read_all(Hanging(attached=found)), IMAGE, "r.example/app", policy, DURING).verified

    both = two_of(keys, naming("anna"))
    assert met(both, certified(ANNA, "anna"), bundle(BEN))
    assert not met(both, certified(ANNA, "anna"))
    assert not met(both, certified(ANNA, "anna"), bundle(ANNA), tagged(ANNA))
    people = two_of(naming("anna"), naming("ben"))
    assert met(people, certified(ANNA, "anna"), certified(BEN, "ben"))
    assert not met(people, certified(ANNA, "anna", "ben"))
    assert not met(people, certified(ANNA, "anna"), certified(ANNA, "ben"))
    assert not met(people, certified(ANNA, "anna"), certified(BEN, "anna")), "two certificates of one person"


def test_annotations() -> None:
    for make in MAKERS:
        assert verified(trusting(ANNA, annotations={"env": "prod"}), make(env="prod")).verified
        found = verified(trusting(ANNA, annotations={"env": "prod"}), make(env="test"))
        assert "its annotation env is not 'prod'" in found.requirements[0].reasons[1]
        assert not verified(trusting(ANNA, annotations={"env": "prod"}), make()).verified


def test_predicates_and_their_content() -> None:
    def asking(text: str) -> TrustPolicy:
        return trusting(ANNA, predicate_type=PROVENANCE, condition=Condition.parse(text))

    assert verified(asking("predicate.builder.id == 'ci'"), envelope()).verified
    said = verified(asking("predicate.builder.id == 'me'"), envelope())
    assert "it is not so" in said.requirements[0].reasons[1]
    broken = verified(asking("predicate.absent.id == 'ci'"), envelope())
    assert "cannot be evaluated" in broken.requirements[0].reasons[1]
    assert not verified(asking("predicate.builder.id"), envelope()).verified, "text is not true"
    assert not verified(asking("true"), bundle()).verified, "a signature is no statement of that type"
    assert not verified(trusting(ANNA), envelope()).verified, "a statement of another type is no signature"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda it: it.update(mediaType="application/vnd.dev.sigstore.bundle.v0.9+json"), "unknown version"),
        (lambda it: it.update(dsseEnvelope=None), "no statement"),
        (lambda it: it.update(messageSignature={}), "no statement"),
        (lambda it: it["dsseEnvelope"].update(payloadType="application/json"), "not application/vnd.in-toto"),
        (lambda it: it["dsseEnvelope"].update(payload="e30="), "not an in-toto Statement"),
        (lambda it: it["dsseEnvelope"].update(signatures=[]), "no signature"),
        (lambda it: it["dsseEnvelope"].update(signatures=2 * it["dsseEnvelope"]["signatures"]), "one signature"),
        (lambda it: it["dsseEnvelope"]["signatures"][0].update(sig="AA!"), "malformed base64"),
        (lambda it: it["dsseEnvelope"]["signatures"][0].update(sig="AAAA"), "not signed by its key"),
        (lambda it: it.update(verificationMaterial={}), "one of them"),
        (lambda it: it["verificationMaterial"].update(certificate={"rawBytes": "AAAA"}), "one of them"),
        (lambda it: it.update(verificationMaterial={"certificate": {"rawBytes": "AAAA"}}), "not a certificate"),
        (lambda it: it["verificationMaterial"].update(tlogEntries=[{}] * 9), "MAX_LOG_ENTRIES"),
        (lambda it: it["verificationMaterial"].update(tlogEntries="x"), "not the JSON expected"),
    ],
)
def test_a_bundle_with_one_field_changed(change: Callable[[dict[str, Any]], object], why: str) -> None:
    found = verified(trusting(ANNA), edited(bundle(), change))
    assert not found.verified
    assert why in " ".join(found.signatures[0].reasons), found.signatures[0].reasons
    assert why in " ".join(found.requirements[0].reasons)


def test_a_swapped_payload_and_a_swapped_signature() -> None:
    ours, theirs = json.loads(bundle().content), json.loads(bundle(ANNA, OTHER_IMAGE).content)

    def swap(it: dict[str, Any]) -> None:
        it["dsseEnvelope"]["signatures"] = theirs["dsseEnvelope"]["signatures"]

    assert not verified(trusting(ANNA), edited(bundle(), swap)).verified
    assert ours["dsseEnvelope"] != theirs["dsseEnvelope"]
    one, other = tagged(), tagged(ANNA, OTHER_IMAGE)
    stolen = layer(one.content, mt.SIMPLE_SIGNING, **other.layer.annotations)
    assert not verified(trusting(ANNA), stolen).verified


def test_keys_that_stand_twice() -> None:
    payload = signature_statement(IMAGE, {}).decode()
    second = f'"subject":[{{"digest":{{"sha256":"{OTHER_IMAGE.hex}"}}}}],'
    twice = payload.replace('"predicateType":', f'{second}"predicateType":')
    assert twice != payload
    found = verified(trusting(ANNA), layer(write_bundle(twice.encode(), ANNA), MEDIA_TYPE))
    assert "'subject' stands twice" in found.signatures[0].reasons[0]
    text = simple.simple_payload(None, IMAGE, {}).decode()
    doubled = text.replace('{"critical":', '{"critical":{"identity":{},"image":{},"type":""},"critical":')
    found = verified(trusting(ANNA), tagged(payload=doubled.encode()))
    assert not found.verified


def test_a_payload_of_another_kind() -> None:
    """A signature over one kind of document is no signature over another, whatever layer it is put into."""
    statement = signature_statement(IMAGE, {})
    assert not verified(trusting(ANNA), tagged(payload=statement)).verified
    raw = base64.b64encode(ANNA.sign(statement)).decode()  # over the bare statement, not over DSSE's wrapping of it

    def put(it: dict[str, Any]) -> None:
        it["dsseEnvelope"]["signatures"][0]["sig"] = raw

    assert not verified(trusting(ANNA), edited(bundle(), put)).verified
    manual = simple.simple_payload(None, IMAGE, {}).replace(b"cosign container image signature", b"something else")
    assert "signs a 'something else'" in verified(trusting(ANNA), tagged(payload=manual)).signatures[0].reasons[0]


@pytest.mark.parametrize(
    "kind", ["application/json", mt.DSSE, mt.SIMPLE_SIGNING, "application/jose+json", "application/cose"]
)
def test_a_mismatched_media_type(kind: str) -> None:
    one = bundle()
    moved = layer(one.content, kind, **{simple.SIGNATURE: "AAAA"})
    found = verified(trusting(ANNA), moved)
    assert not found.verified
    assert found.signatures[0].reasons


def test_cose_is_told() -> None:
    found = verified(trusting(ANNA), layer(b"\xd2\x84", "application/cose"))
    assert "in COSE, which is not read" in found.signatures[0].reasons[0]


def test_a_downgraded_algorithm() -> None:
    key = SigningKey.generate(Scheme.RSA_PKCS1)
    either = trusting(SigningKey.of(key._private))
    assert verified(either, bundle(key)).verified
    strict = KeyAuthority(name="team", keys=TrustedKeys.of([key.verifying.only(Scheme.RSA_PSS)]))
    policy = TrustPolicy(
        name="t", digest=IMAGE, authorities={"team": strict}, requirements=(Requirement(name="a", by=("team",)),)
    )
    assert not verified(policy, bundle(key)).verified


def test_thousands_of_signatures_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    flood = [bundle(MALLORY, n=str(at)) for at in range(300)]
    monkeypatch.setattr(vouching, "MAX_TRIES", 200)
    found = verified(trusting(ANNA, BEN), *flood, bundle())
    assert not found.verified
    assert "MAX_TRIES" in found.signatures[-1].reasons[0]
    assert len(found.requirements[0].reasons) == 21
    monkeypatch.undo()
    assert verified(trusting(ANNA, BEN), *flood, bundle()).verified
    passed = Hanging(attached=(bundle(),), passed_over=(PassedOver(where="more", why="over the limit MAX_ATTACHED"),))
    read = judge(read_all(passed), IMAGE, "", trusting(ANNA), AT)
    assert read.signatures[-1].reasons == ("over the limit MAX_ATTACHED",)


def test_what_is_shown_is_printable() -> None:
    found = verified(trusting(ANNA), bundle(MALLORY, subject=IMAGE), layer(b"{", "application/\x1b[2J"))
    assert "\x1b" not in repr(found)


@pytest.mark.property
def test_taking_signatures_away_never_helps() -> None:
    """Every subset of what does not verify does not verify either."""
    policy = trusting(ANNA, BEN, threshold=2)
    pool = [bundle(ANNA), tagged(ANNA), bundle(MALLORY), bundle(BEN, OTHER_IMAGE), envelope(BEN)]
    for number in range(2 ** len(pool)):
        assert not verified(policy, *(one for at, one in enumerate(pool) if number >> at & 1)).verified
