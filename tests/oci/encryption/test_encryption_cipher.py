# SPDX-License-Identifier: Apache-2.0
"""The block cipher: openssl's answers, any size in any portions, and every change of a byte found."""

import hashlib
import io
import pickle
import random

import pytest
from encryption_keys import openssl
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.artifact import Descriptor, Digest
from tidegate.artifact import media_type as mt
from tidegate.bounds import Readable
from tidegate.errors import DigestMismatchError, InvalidInputError
from tidegate.oci.encryption.block_cipher import Decrypting, Encrypting, LayerKey, TamperedError
from tidegate.oci.encryption.layer import Proven

KEY = LayerKey(bytes(range(32)), bytes(range(240, 256)))


class Portions:
    """A source that serves as it likes, never more than asked for."""

    def __init__(self, data: bytes, seed: int) -> None:
        self._source = io.BytesIO(data)
        self._random = random.Random(seed)

    def read(self, size: int = -1, /) -> bytes:
        return self._source.read(min(size, self._random.randint(1, 70_000)) if size > 0 else size)


def drained(source: Readable, size: int) -> bytes:
    return b"".join(iter(lambda: source.read(size), b""))


def encrypted(data: bytes, key: LayerKey = KEY) -> tuple[bytes, bytes]:
    stream = Encrypting(io.BytesIO(data), key)
    return drained(stream, 4096), stream.hmac


def decrypted(ciphertext: bytes, hmac: bytes, key: LayerKey = KEY) -> bytes:
    return drained(Decrypting(io.BytesIO(ciphertext), key, expected_hmac=hmac, where="layer"), 4096)


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 262_144, 262_145])
def test_openssl_gives_the_same_ciphertext_and_hmac(size: int) -> None:
    data = random.Random(size).randbytes(size)
    theirs = openssl("enc", "-aes-256-ctr", "-K", KEY.key.hex(), "-iv", KEY.nonce.hex(), given=data)
    mac = openssl("dgst", "-sha256", "-mac", "HMAC", "-macopt", f"hexkey:{KEY.key.hex()}", "-binary", given=theirs)
    assert encrypted(data) == (theirs, mac)


@pytest.mark.property
@settings(max_examples=50, deadline=None)
@given(length=st.integers(0, 300) | st.integers(0, 200_000), size=st.integers(1000, 70_000), seed=st.integers(0, 1000))
def test_any_size_in_any_portions_comes_back(length: int, size: int, seed: int) -> None:
    data = random.Random(seed).randbytes(length)
    stream = Encrypting(Portions(data, seed), KEY)
    ciphertext = drained(stream, size)
    assert len(ciphertext) == len(data)
    back = Decrypting(Portions(ciphertext, seed + 1), KEY, expected_hmac=stream.hmac, where="layer")
    assert drained(back, size) == data


@pytest.mark.property
@settings(max_examples=50, deadline=None)
@given(data=st.binary(min_size=1, max_size=5000), where=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_a_changed_bit_is_found(data: bytes, where: int, bit: int) -> None:
    ciphertext, hmac = encrypted(data)
    changed = bytearray(ciphertext)
    changed[where % len(data)] ^= 1 << bit
    with pytest.raises(TamperedError, match="changed or cut short"):
        decrypted(bytes(changed), hmac)


@pytest.mark.parametrize("cut", [0, 1, 16, 999])
def test_a_cut_or_grown_ciphertext_is_found(cut: int) -> None:
    ciphertext, hmac = encrypted(b"x" * 1000)
    for other in (ciphertext[:cut], ciphertext + b"\0", ciphertext + ciphertext[: cut + 1]):
        with pytest.raises(TamperedError):
            decrypted(other, hmac)


def test_reading_all_at_once_is_proved_too() -> None:
    ciphertext, hmac = encrypted(b"x" * 1000)
    stream = Decrypting(io.BytesIO(ciphertext[:-1]), KEY, expected_hmac=hmac, where="layer")
    with pytest.raises(TamperedError):
        stream.read()


def test_two_layers_never_share_a_key_and_none_is_shown() -> None:
    one, other = LayerKey.generate(), LayerKey.generate()
    assert one.key != other.key
    assert one.nonce != other.nonce
    assert one.key.hex() not in repr(one)
    assert repr(one.key)[2:10] not in repr(one)
    with pytest.raises(TypeError, match="not serialised"):
        pickle.dumps(one)


@pytest.mark.parametrize("size", [2, 3, 4])
def test_a_blob_of_another_size_or_digest_is_refused_at_its_end(size: int) -> None:
    digest = Digest(f"sha256:{hashlib.sha256(b'abc').hexdigest()}")
    descriptor = Descriptor(media_type=mt.OCI_LAYER, digest=digest, size=size)
    source = Proven(io.BytesIO(b"abc"), digest=descriptor.digest, size=descriptor.size, where="blob")
    if size == 3:
        assert drained(source, 2) == b"abc"
        return
    with pytest.raises(InvalidInputError, match=f"instead of {size}"):
        drained(source, 2)


def test_a_blob_of_another_digest_is_refused_at_its_end() -> None:
    source = Proven(io.BytesIO(b"abd"), digest=Digest.of(b"abc"), size=3, where="blob")
    with pytest.raises(DigestMismatchError):
        drained(source, 1)
