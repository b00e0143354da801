# SPDX-License-Identifier: Apache-2.0
"""A secret wrapped for recipients as JSON Web Encryption (RFC 7516 section 7.2), as ocicrypt writes and reads it.

Several recipients make the general form, one the flattened form. RSA-OAEP and ECDH-ES+A256KW wrap the content key,
A256GCM hides the secret; reading knows also RSA-OAEP-256, the shorter key wraps and the AES-CBC forms.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwe import (
    FlattenedJSONEncryption,
    GeneralJSONEncryption,
    JWERegistry,
    decrypt_compact,
    decrypt_json,
    encrypt_json,
)
from joserfc.jwk import ECKey

from tidegate.bounds import KIB
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.oci.encryption.keys import DecryptionKey, RecipientKey
from tidegate.values import Struct
from tidegate.wire import from_json, to_json

MAX_JWE_BYTES: Final = 256 * KIB
MAX_JWE_RECIPIENTS: Final = 256
_RSA: Final = frozenset({"RSA-OAEP", "RSA-OAEP-256"})
_EC: Final = frozenset({"ECDH-ES+A128KW", "ECDH-ES+A192KW", "ECDH-ES+A256KW"})
_CONTENT: Final = (
    "A256GCM",
    "A192GCM",
    "A128GCM",
    "A256CBC-HS512",
    "A192CBC-HS384",
    "A128CBC-HS256",
)
_ENC: Final = "A256GCM"
_MAX_WRAPPED_CHARS: Final = 2048
_MAX_HEADER_CHARS: Final = 4096
_COMPACT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+")
_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]*")


class Addressee(Struct, frozen=True, kw_only=True):
    """One whom a secret is wrapped for.

    Attributes:
        algorithm: how; "" when it does not say.
        kid: whose key, as its maker said; "" from makers that do not say.
    """

    algorithm: str
    kid: str


class _Recipient(Struct, frozen=True, kw_only=True):
    header: Mapping[str, Any] | None = None
    encrypted_key: str = ""


class _Document(Struct, frozen=True, kw_only=True):
    protected: str
    iv: str
    ciphertext: str
    tag: str
    unprotected: Mapping[str, Any] | None = None
    aad: str | None = None
    recipients: tuple[_Recipient, ...] | None = None
    header: Mapping[str, Any] | None = None
    encrypted_key: str = ""


def wrap(secret: bytes, recipients: Collection[RecipientKey]) -> bytes:
    """Wraps a secret, for each recipient alike.

    Raises:
        ValueError: for nobody, or for more than 256.
    """
    if not 0 < len(recipients) <= MAX_JWE_RECIPIENTS:
        raise ValueError("a secret is wrapped for 1 to 256 recipients")
    kind = FlattenedJSONEncryption if len(recipients) == 1 else GeneralJSONEncryption
    message = kind({"enc": _ENC}, secret)
    for recipient in recipients:
        message.add_recipient({"alg": recipient.algorithm, "kid": recipient.kid}, recipient.jose)
    return to_json(encrypt_json(message, None, registry=_registry(_RSA | _EC)))


def unwrap(document: bytes, keys: Iterable[DecryptionKey], *, where: str) -> bytes | None:
    """Unwraps a secret with the first key that fits.

    Returns:
        The secret; None when it is wrapped for none of the keys.

    Raises:
        BoundExceededError: it is over 256 KiB or 256 recipients.
        InvalidInputError: it is no JWE, or compressed.
    """
    message = _parse(document, where)
    for key in keys:
        for recipient in _addressed(message, key, where):
            secret = _opened(message, recipient, key)
            if secret is not None:
                return secret
    return None


def addressees(document: bytes, *, where: str) -> tuple[Addressee, ...]:
    """Whom a secret is wrapped for, in its order.

    Raises:
        BoundExceededError: it is over 256 KiB or 256 recipients.
        InvalidInputError: it is no JWE.
    """
    message = _parse(document, where)
    return tuple(_addressee(message, it, where) for it in message.recipients or ())


def without(document: bytes, kids: Collection[str], *, where: str) -> bytes | None:
    """Takes recipients out; what the others have stays as it is.

    Returns:
        The shorter document; None when nobody is left.

    Raises:
        BoundExceededError: it is over 256 KiB or 256 recipients.
        InvalidInputError: it is no JWE.
    """
    message = _parse(document, where)
    everybody = message.recipients or ()
    left = [it for it in everybody if _addressee(message, it, where).kid not in kids]
    if not left or len(left) == len(everybody):
        return document if left else None
    shared = {"protected": message.protected, "iv": message.iv, "ciphertext": message.ciphertext, "tag": message.tag}
    if message.unprotected:
        shared["unprotected"] = message.unprotected  # type: ignore[assignment]  # JSON
    if message.aad:
        shared["aad"] = message.aad
    return to_json({**shared, "recipients": [_plain(it) for it in left]})


def _parse(document: bytes, where: str) -> _Document:
    """Reads any of the three serialisations as the general one."""
    where = f"{where}: wrapped key"
    if len(document) > MAX_JWE_BYTES:
        raise BoundExceededError("MAX_JWE_BYTES", MAX_JWE_BYTES, where=where)
    if _COMPACT.fullmatch(text := document.decode("latin-1")):
        protected, wrapped, iv, ciphertext, tag = text.split(".")
        alone = _Recipient(encrypted_key=wrapped)
        message = _Document(protected=protected, iv=iv, ciphertext=ciphertext, tag=tag, recipients=(alone,))
    else:
        message = from_json(document, _Document, what=where, max_bytes=MAX_JWE_BYTES)
    if message.recipients is None:
        alone = _Recipient(header=message.header, encrypted_key=message.encrypted_key)
        message = _Document(
            protected=message.protected,
            iv=message.iv,
            ciphertext=message.ciphertext,
            tag=message.tag,
            unprotected=message.unprotected,
            aad=message.aad,
            recipients=(alone,),
        )
    if len(message.recipients or ()) > MAX_JWE_RECIPIENTS:
        raise BoundExceededError("MAX_JWE_RECIPIENTS", MAX_JWE_RECIPIENTS, where=where)
    segments = (message.protected, message.iv, message.ciphertext, message.tag, message.aad or "")
    if not all(_BASE64URL.fullmatch(it) for it in segments) or len(message.protected) > _MAX_HEADER_CHARS:
        raise InvalidInputError("a part of it is not base64url, or too long", where=where)
    if "zip" in _protected(message, where):
        raise InvalidInputError("is compressed, which could unpack to any size", where=where)
    return message


def _protected(message: _Document, where: str) -> Mapping[str, Any]:
    from base64 import urlsafe_b64decode

    try:
        raw = urlsafe_b64decode(message.protected + "=" * (-len(message.protected) % 4))
    except ValueError as error:
        raise InvalidInputError("its protected header is not base64url", where=where) from error
    return from_json(raw, dict[str, Any], what=where, max_bytes=_MAX_HEADER_CHARS)


def _addressee(message: _Document, recipient: _Recipient, where: str) -> Addressee:
    said = {**(message.unprotected or {}), **(recipient.header or {}), **_protected(message, where)}
    return Addressee(algorithm=str(said.get("alg", ""))[:80], kid=str(said.get("kid", ""))[:200])


def _addressed(message: _Document, key: DecryptionKey, where: str) -> list[_Recipient]:
    """The recipients whose key this may be, those that name it first."""
    fitting = _EC if isinstance(key.jose, ECKey) else _RSA
    found = [(_addressee(message, it, where), it) for it in message.recipients or ()]
    found = [(said, it) for said, it in found if said.algorithm in fitting and _well_formed(it)]
    return [it for _, it in sorted(found, key=lambda pair: pair[0].kid != key.recipient.kid)]


def _well_formed(recipient: _Recipient) -> bool:
    wrapped = recipient.encrypted_key
    return len(wrapped) <= _MAX_WRAPPED_CHARS and _BASE64URL.fullmatch(wrapped) is not None


def _opened(message: _Document, recipient: _Recipient, key: DecryptionKey) -> bytes | None:
    registry = _registry(_EC if isinstance(key.jose, ECKey) else _RSA)
    try:
        if not recipient.header and not message.unprotected and message.aad is None:
            # The compact form authenticates the protected header's own bytes, whatever their spelling.
            parts = (message.protected, recipient.encrypted_key, message.iv, message.ciphertext, message.tag)
            return decrypt_compact(".".join(parts), key.jose, registry=registry).plaintext
        flat: dict[str, Any] = {
            "protected": message.protected,
            "iv": message.iv,
            "ciphertext": message.ciphertext,
            "tag": message.tag,
            **_plain(recipient),
        }
        if message.unprotected:
            flat["unprotected"] = message.unprotected
        if message.aad is not None:
            flat["aad"] = message.aad
        return decrypt_json(flat, key.jose, registry=registry).plaintext  # type: ignore[arg-type]  # checked above
    except (JoseError, ValueError, TypeError, KeyError, AssertionError, RecursionError):
        return None  # not ours, or broken: the next one may be whole


def _plain(recipient: _Recipient) -> dict[str, Any]:
    header = {"header": recipient.header} if recipient.header else {}
    return {**header, "encrypted_key": recipient.encrypted_key}


def _registry(algorithms: Iterable[str]) -> JWERegistry:
    registry = JWERegistry(
        algorithms=[*algorithms, *_CONTENT], strict_check_header=False, max_recipients=MAX_JWE_RECIPIENTS
    )
    registry.max_encrypted_key_length = _MAX_WRAPPED_CHARS
    registry.max_protected_header_length = _MAX_HEADER_CHARS
    return registry
