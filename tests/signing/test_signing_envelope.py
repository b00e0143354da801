# SPDX-License-Identifier: Apache-2.0
"""Envelopes: what is signed, what is refused, and the DSSE specification's own vector."""

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.artifact import Digest
from tidegate.errors import BoundExceededError, InvalidInputError, RefusedError
from tidegate.evidence import PAYLOAD_TYPE, SCAN, Statement, Subject
from tidegate.signing import envelope as room
from tidegate.signing.envelope import parse_envelope, pre_authentication, sign, signers_of, verify
from tidegate.signing.keys import SigningKey, TrustedKeys, VerifyingKey
from tidegate.signing.scheme import Scheme

STATEMENT = Statement(
    subjects=(Subject(name="app", digest=Digest.of(b"app")),), predicate_type=SCAN, predicate={"a": 1, "ü": [None]}
)
KEY, OTHER = SigningKey.generate(), SigningKey.generate()
TRUSTED = TrustedKeys.of([KEY.verifying])

# protocol.md of the DSSE specification, "Test Vectors".
SPEC_PAE = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
SPEC_X = 46950820868899156662930047687818585632848591499744589407958293238635476079160
SPEC_Y = 5640078356564379163099075877009565129882514886557779369047442380624545832820
SPEC_SIGNATURE = "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="


def altered(**changes: object) -> bytes:
    document: dict[str, Any] = json.loads(sign(STATEMENT, KEY).content)
    return json.dumps(document | changes).encode()


def test_round_trip() -> None:
    signed = sign(STATEMENT, KEY)
    verified = verify(signed.content, TRUSTED)
    assert verified.statement == STATEMENT
    assert verified.signers == (KEY.key_id,)
    assert verified.digest == signed.digest == Digest.of(signed.content)


def test_several_signers() -> None:
    signed = sign(STATEMENT, KEY, OTHER)
    assert verify(signed.content, TRUSTED).signers == (KEY.key_id,)
    both = TrustedKeys.of([KEY.verifying, OTHER.verifying])
    assert verify(signed.content, both).signers == tuple(sorted((KEY.key_id, OTHER.key_id)))
    for signers in ((), (KEY, KEY)):
        with pytest.raises(ValueError, match="different keys"):
            sign(STATEMENT, *signers)


def test_the_specifications_vector() -> None:
    assert pre_authentication("http://example.com/HelloWorld", b"hello world") == SPEC_PAE
    key = VerifyingKey.of(ec.EllipticCurvePublicNumbers(SPEC_X, SPEC_Y, ec.SECP256R1()).public_key())
    raw = base64.b64decode(SPEC_SIGNATURE)  # r and s side by side; what is signed with today is DER
    der = utils.encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    document = {
        "payload": base64.b64encode(b"hello world").decode(),
        "payloadType": "http://example.com/HelloWorld",
        "signatures": [{"sig": base64.b64encode(der).decode()}],
    }
    assert key.verifies(der, SPEC_PAE)
    with pytest.raises(InvalidInputError, match="HelloWorld"):
        verify(json.dumps(document).encode(), TrustedKeys.of([key]))


def test_an_envelope_as_cosign_writes_it() -> None:
    """An empty key id, an ASN.1 signature made without our code, keys in another order, white space."""
    private = ec.generate_private_key(ec.SECP256R1())
    payload = STATEMENT.to_bytes()
    pae = b"DSSEv1 %d %b %d %b" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)
    signature = private.sign(pae, ec.ECDSA(hashes.SHA256()))
    content = json.dumps(
        {
            "payloadType": PAYLOAD_TYPE,
            "payload": base64.b64encode(payload).decode(),
            "signatures": [{"keyid": "", "sig": base64.b64encode(signature).decode()}],
        },
        indent=2,
    ).encode()
    key = VerifyingKey.of(private.public_key())
    assert verify(content, TrustedKeys.of([KEY.verifying, key])).signers == (key.key_id,)
    with pytest.raises(RefusedError, match="no trusted key"):
        verify(content, TRUSTED)


def test_url_safe_base64_is_read() -> None:
    document = json.loads(sign(STATEMENT, KEY).content)
    document["payload"] = document["payload"].translate(str.maketrans("+/", "-_"))
    assert verify(json.dumps(document).encode(), TRUSTED).statement == STATEMENT


def test_nobody_trusted() -> None:
    with pytest.raises(RefusedError, match="no trusted key"):
        verify(sign(STATEMENT, OTHER).content, TRUSTED)
    with pytest.raises(RefusedError, match="no trusted key"):
        verify(sign(STATEMENT, KEY).content, TrustedKeys.of([]))


def test_a_trusted_keys_broken_signature_refuses_the_whole() -> None:
    document = json.loads(sign(STATEMENT, KEY, OTHER).content)
    document["signatures"][0]["sig"] = document["signatures"][1]["sig"]
    both = TrustedKeys.of([KEY.verifying, OTHER.verifying])
    with pytest.raises(RefusedError, match="does not hold"):
        verify(json.dumps(document).encode(), both)


SIGNATURE = json.loads(sign(STATEMENT, KEY).content)["signatures"][0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"signatures": []}, "no signature"),
        ({"signatures": [SIGNATURE, SIGNATURE]}, "two signatures"),
        ({"signatures": [{"keyid": str(at), "sig": ""} for at in range(17)]}, "MAX_SIGNATURES"),
        ({"signatures": [{"keyid": KEY.key_id, "sig": "A" * 2049}]}, "MAX_SIGNATURE_CHARS"),
        ({"signatures": [{"keyid": KEY.key_id, "sig": "not base64!"}]}, "malformed base64"),
        ({"signatures": {"keyid": "a"}}, "not the JSON expected"),
        ({"payload": "AAA"}, "malformed base64"),
        ({"payload": "ü"}, "malformed base64"),
        ({"payload": 1}, "not the JSON expected"),
        ({"payloadType": "application/json"}, "not application/vnd.in-toto"),
    ],
)
def test_malformed_envelopes(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        verify(altered(**changes), TRUSTED)


@pytest.mark.parametrize("key", ["payload", "payloadType", "signatures"])
def test_a_key_that_stands_twice_is_refused(key: str) -> None:
    """Two readers could take two things out of it."""
    text = sign(STATEMENT, KEY).content.decode()
    twice = f'{{"{key}": {json.dumps(json.loads(text)[key])}, {text[1:]}'.encode()
    with pytest.raises(InvalidInputError, match=f"{key}' stands twice"):
        verify(twice, TRUSTED)
    hidden = text.replace('"keyid"', '"s\\u0069g":"AAAA","keyid"').encode()
    with pytest.raises(InvalidInputError, match="'sig' stands twice"):
        verify(hidden, TRUSTED)


def test_every_kind_of_key_signs() -> None:
    keys = [SigningKey.generate(scheme) for scheme in Scheme]
    signed = sign(STATEMENT, *keys)
    assert verify(signed.content, TrustedKeys.of(key.verifying for key in keys)).signers == tuple(
        sorted(key.key_id for key in keys)
    )


def test_several_signatures_without_a_key_id_are_each_tried() -> None:
    document = json.loads(sign(STATEMENT, KEY, OTHER).content)
    document["signatures"] = [{"sig": item["sig"]} for item in document["signatures"]]
    both = TrustedKeys.of([KEY.verifying, OTHER.verifying])
    assert len(verify(json.dumps(document).encode(), both).signers) == 2


def test_a_key_id_of_another_tool_is_a_hint() -> None:
    """in-toto and Go's dsse name keys by other hashes; whose signature it is, the signature says."""
    document = json.loads(sign(STATEMENT, KEY, OTHER).content)
    for at, item in enumerate(document["signatures"]):
        item["keyid"] = f"SHA256:{at}"
    content = json.dumps(document).encode()
    assert verify(content, TRUSTED).signers == (KEY.key_id,)
    document["signatures"] = [document["signatures"][0], {**document["signatures"][0], "keyid": "another"}]
    assert verify(json.dumps(document).encode(), TRUSTED).signers == (KEY.key_id,), "one key is one signer"
    with pytest.raises(RefusedError, match="no trusted key"):
        verify(content, TrustedKeys.of([SigningKey.generate().verifying]))


def test_a_long_envelope_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    content = sign(STATEMENT, KEY).content
    monkeypatch.setattr(room, "MAX_ENVELOPE_BYTES", len(content) - 1)
    with pytest.raises(BoundExceededError):
        verify(content, TRUSTED)
    with pytest.raises(BoundExceededError):
        sign(STATEMENT, KEY)


@pytest.mark.property
@settings(max_examples=200, deadline=None)
@given(at=st.integers(0, 10_000), to=st.binary(min_size=1, max_size=3))
def test_no_changed_byte_changes_what_is_believed(at: int, to: bytes) -> None:
    content = sign(STATEMENT, KEY).content
    at %= len(content)
    changed = content[:at] + to + content[at + 1 :]
    try:
        verified = verify(changed, TRUSTED)
    except (InvalidInputError, RefusedError):
        return
    assert verified.statement == STATEMENT


def test_signing_takes_no_other_payload(tmp_path: Path) -> None:
    """The key of a statement cannot be used to make an envelope speak of another type: the type is signed too."""
    (tmp_path / "e").write_bytes(sign(STATEMENT, KEY).content)
    parsed = parse_envelope((tmp_path / "e").read_bytes(), where="e")
    assert signers_of(parsed, TRUSTED, where="e") == (KEY.key_id,)
    with pytest.raises(RefusedError, match="does not hold"):
        signers_of(replace(parsed, payload_type=PAYLOAD_TYPE + "2"), TRUSTED, where="e")
