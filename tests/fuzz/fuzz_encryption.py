# SPDX-License-Identifier: Apache-2.0
"""What says how to decrypt a layer: annotations, wrapped keys, options, and the keys themselves."""

import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from fuzz_parser import Parser
from joserfc import jwe

from tidegate.artifact import Descriptor, Digest
from tidegate.artifact import media_type as mt
from tidegate.oci.encryption.block_cipher import LayerKey
from tidegate.oci.encryption.jwe import addressees, unwrap, without, wrap
from tidegate.oci.encryption.keys import DecryptionKey, RecipientKey, load_decryption_key, load_recipient
from tidegate.oci.encryption.options import LayerSecret, read_options
from tidegate.oci.encryption.released import read_released
from tidegate.oci.encryption.wrapping import (
    KEYS_JWE,
    PUBLIC_OPTIONS,
    read_wrapped,
    recipients_of,
    secret_of,
    wrapped_annotations,
)

_EC = ec.derive_private_key(0x1234567, ec.SECP256R1())
_RSA = rsa.generate_private_key(65537, 2048)
_KEYS = (DecryptionKey.of(_EC), DecryptionKey.of(_RSA))
_EVERYBODY = [key.recipient for key in _KEYS]
_SECRET = LayerSecret(key=LayerKey(b"k" * 32, b"n" * 16), digest=Digest.of(b""), hmac=b"h" * 32)
_COMPACT = jwe.encrypt_compact({"alg": "ECDH-ES+A256KW", "enc": "A256GCM"}, b"s", _KEYS[0].jose)


def encryption() -> Iterator[Parser]:
    """One parser for each part of an encrypted layer."""
    yield Parser(
        name="wrapped-key",
        form="json",
        read=_jwe,
        samples=(wrap(b"s", _EVERYBODY[:1]), wrap(b"s", _EVERYBODY), _COMPACT.encode()),
        slow=True,
    )
    said = wrapped_annotations(_SECRET, _EVERYBODY[:1])
    yield Parser(
        name="keys-annotation", form="binary", read=_keys_of(said), samples=(said[KEYS_JWE].encode(),), slow=True
    )
    yield Parser(
        name="options-annotation", form="binary", read=_options_of(said), samples=(said[PUBLIC_OPTIONS].encode(),)
    )
    yield Parser(
        name="layer-options",
        form="json",
        read=lambda data: read_options(data, _SECRET.public_options(), where="layer"),
        samples=(_SECRET.private_options(),),
    )
    yield Parser(name="key-of-recipient", form="binary", read=RecipientKey.parse, samples=tuple(_public()))
    yield Parser(name="key-of-layers", form="binary", read=DecryptionKey.parse, samples=tuple(_private()))
    released = json.dumps({"layers": [{"digest": Digest.of(b""), "annotations": said}]}).encode()
    yield Parser(
        name="released-keys", form="json", read=lambda data: read_released(data, where="keys"), samples=(released,)
    )
    private, public = (next(_private()),), (next(_public()),)
    yield Parser(name="key-file-of-layers", form="binary", read=_file(load_decryption_key), samples=private)
    yield Parser(name="key-file-of-recipient", form="binary", read=_file(load_recipient), samples=public)


def _jwe(data: bytes) -> object:
    for one in addressees(data, where="layer"):
        without(data, {one.kid}, where="layer")
    return unwrap(data, _KEYS[:1], where="layer")


def _keys_of(said: dict[str, str]) -> Callable[[bytes], object]:
    def read(data: bytes) -> object:
        layer = _layer({**said, KEYS_JWE: data.decode("latin-1")})
        recipients_of(layer, where="layer")
        return secret_of(layer, _KEYS[:1], where="layer")

    return read


def _options_of(said: dict[str, str]) -> Callable[[bytes], object]:
    def read(data: bytes) -> object:
        layer = _layer({**said, PUBLIC_OPTIONS: data.decode("latin-1")})
        wrapped = read_wrapped(layer, where="layer")
        return read_options(_SECRET.private_options(), wrapped.public, where="layer")

    return read


def _layer(annotations: dict[str, str]) -> Descriptor:
    return Descriptor(media_type=mt.OCI_LAYER + mt.ENCRYPTED, digest=Digest.of(b""), size=0, annotations=annotations)


def _public() -> Iterator[bytes]:
    for key in (_EC.public_key(), _RSA.public_key()):
        for encoding in (Encoding.PEM, Encoding.DER):
            yield key.public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)
    yield json.dumps(_KEYS[0].jose.as_dict(private=False)).encode()


def _private() -> Iterator[bytes]:
    for encoding in (Encoding.PEM, Encoding.DER):
        yield _EC.private_bytes(encoding, PrivateFormat.PKCS8, NoEncryption())
    yield _EC.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    yield json.dumps(_KEYS[0].jose.as_dict(private=True)).encode()


def _file(read: Callable[[str], object]) -> Callable[[bytes], object]:
    def through_a_file(data: bytes) -> object:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "key"
            file.write_bytes(data)
            file.chmod(0o600)
            return read(str(file))

    return through_a_file
