# SPDX-License-Identifier: Apache-2.0
"""The annotations of an encrypted layer's descriptor: wrapped keys by scheme, and the cipher's open options.

Only JWE is unwrapped and written here. What other schemes (PKCS#7, PKCS#11, OpenPGP, key providers) carry is kept as
it is while recipients are added, and goes when all recipients are chosen anew.
"""

import base64
import binascii
from collections.abc import Collection, Mapping
from typing import Final

from tidegate.artifact import Descriptor
from tidegate.bounds import MIB, printable
from tidegate.errors import BoundExceededError, InvalidInputError, RefusedError, UsageError
from tidegate.oci.encryption.jwe import Addressee, addressees, unwrap, without, wrap
from tidegate.oci.encryption.keys import DecryptionKey, RecipientKey
from tidegate.oci.encryption.options import LayerSecret, read_options
from tidegate.values import Struct

PREFIX: Final = "org.opencontainers.image.enc."
KEYS_JWE: Final = PREFIX + "keys.jwe"
PUBLIC_OPTIONS: Final = PREFIX + "pubopts"
_KEYS: Final = PREFIX + "keys."
MAX_ANNOTATION_BYTES: Final = MIB
"""Longest annotation taken apart."""
MAX_WRAPPED: Final = 64
"""Wrapped keys one annotation may carry; each may be for many recipients."""
MAX_RECIPIENTS: Final = 512
"""Recipients of one layer: each may cost one unwrapping, which of a long RSA key takes 30 ms."""
_REMEDY: Final = "name the private key of one of its recipients with --key"


class NotAddressedError(RefusedError):
    """A layer key is wrapped for none of the keys at hand."""

    exit_status = 2


class WrappedKeys(Struct, frozen=True, kw_only=True):
    """What a descriptor's annotations say of its key.

    Attributes:
        jwe: wrapped keys, one of which is enough.
        public: the open half of the options.
        others: annotations of schemes that are not unwrapped here.
    """

    jwe: tuple[bytes, ...]
    public: bytes
    others: Mapping[str, str]


def read_wrapped(descriptor: Descriptor, *, where: str) -> WrappedKeys:
    """Reads the annotations of an encrypted layer.

    Raises:
        BoundExceededError: an annotation is over 1 MiB, or carries more than 64 wrapped keys.
        InvalidInputError: one is malformed, or none says how to decrypt.
    """
    said = descriptor.annotations
    others = {name: text for name, text in said.items() if name.startswith(_KEYS) and name != KEYS_JWE and text}
    texts = [it for it in said.get(KEYS_JWE, "").split(",", MAX_WRAPPED) if it]
    if len(texts) > MAX_WRAPPED:
        raise BoundExceededError("MAX_WRAPPED", MAX_WRAPPED, where=where)
    if not texts and not others:
        raise InvalidInputError("is encrypted, and no annotation says for whom", where=where)
    if not said.get(PUBLIC_OPTIONS):
        raise InvalidInputError(f"is encrypted, and has no annotation {PUBLIC_OPTIONS}", where=where)
    return WrappedKeys(
        jwe=tuple(_unbase64(text, KEYS_JWE, where) for text in texts),
        public=_unbase64(said[PUBLIC_OPTIONS], PUBLIC_OPTIONS, where),
        others=others,
    )


def secret_of(descriptor: Descriptor, keys: Collection[DecryptionKey], *, where: str) -> LayerSecret:
    """Unwraps the key of a layer.

    Raises:
        BoundExceededError, InvalidInputError: the annotations are broken or hostile.
        NotAddressedError: none of the keys is a recipient's; tells whose are.
    """
    wrapped = read_wrapped(descriptor, where=where)
    if sum(len(addressees(document, where=where)) for document in wrapped.jwe) > MAX_RECIPIENTS:
        raise BoundExceededError("MAX_RECIPIENTS", MAX_RECIPIENTS, where=where)
    for document in wrapped.jwe:
        private = unwrap(document, keys, where=where)
        if private is not None:
            return read_options(private, wrapped.public, where=where)
    raise NotAddressedError(
        "is encrypted, and no key was given" if not keys else "none of the keys given can decrypt it",
        where=where,
        remedy=f"{_REMEDY} ({_named(wrapped, where)})",
    )


def recipients_of(descriptor: Descriptor, *, where: str) -> tuple[Addressee, ...]:
    """Whom a layer's key is wrapped for by JWE.

    Raises:
        BoundExceededError, InvalidInputError: the annotations are broken or hostile.
    """
    wrapped = read_wrapped(descriptor, where=where)
    return tuple(one for document in wrapped.jwe for one in addressees(document, where=where))


def wrapped_annotations(secret: LayerSecret, recipients: Collection[RecipientKey]) -> dict[str, str]:
    """The annotations of a layer whose key is wrapped for these alone."""
    return {
        KEYS_JWE: _base64(wrap(secret.private_options(), recipients)),
        PUBLIC_OPTIONS: _base64(secret.public_options()),
    }


def with_recipients(
    descriptor: Descriptor, secret: LayerSecret, recipients: Collection[RecipientKey], *, where: str
) -> dict[str, str]:
    """All annotations of a descriptor, with more recipients; those who are there already stay once.

    Raises:
        BoundExceededError, InvalidInputError: the annotations are broken, or would be too long.
    """
    present = {one.kid for one in recipients_of(descriptor, where=where)}
    fresh = [one for one in recipients if one.kid not in present]
    if not fresh:
        return dict(descriptor.annotations)
    wrapped = _base64(wrap(secret.private_options(), fresh))
    known = descriptor.annotations.get(KEYS_JWE, "")
    if known.count(",") + 1 >= MAX_WRAPPED:
        raise BoundExceededError("MAX_WRAPPED", MAX_WRAPPED, where=where, remedy="choose all recipients anew")
    return {**descriptor.annotations, KEYS_JWE: f"{known},{wrapped}" if known else wrapped}


def without_recipients(descriptor: Descriptor, kids: Collection[str], *, where: str) -> dict[str, str]:
    """All annotations of a descriptor, with some recipients taken out.

    Raises:
        BoundExceededError, InvalidInputError: the annotations are broken or hostile.
        UsageError: one of them is no recipient, or nobody would be left.
    """
    wrapped = read_wrapped(descriptor, where=where)
    present = {one.kid for document in wrapped.jwe for one in addressees(document, where=where)}
    if unknown := sorted(set(kids) - present):
        raise UsageError(
            f"{unknown[0]} is none of its recipients by name",
            where=where,
            remedy="choose all recipients anew, with the private key of one",
        )
    left = [short for document in wrapped.jwe if (short := without(document, kids, where=where)) is not None]
    if not left and not wrapped.others:
        raise UsageError("nobody could decrypt it any more", where=where, remedy="leave a recipient")
    found = {name: text for name, text in descriptor.annotations.items() if name != KEYS_JWE}
    return {**found, KEYS_JWE: ",".join(map(_base64, left))} if left else found


def unencrypted_annotations(annotations: Mapping[str, str]) -> dict[str, str]:
    """The annotations that do not speak of encryption."""
    return {name: text for name, text in annotations.items() if not name.startswith(PREFIX)}


def _named(wrapped: WrappedKeys, where: str) -> str:
    """For whom it is, in a few words."""
    everybody = [one for document in wrapped.jwe for one in addressees(document, where=where)]
    shown = [printable(one.kid[:12] or f"an unnamed key by {one.algorithm}") for one in everybody[:5]]
    shown += ["…"] if everybody[5:] else []
    shown += [f"some by {printable(name.removeprefix(_KEYS)[:20])}" for name in sorted(wrapped.others)[:3]]
    return f"it is for {', '.join(shown)}"


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _unbase64(text: str, name: str, where: str) -> bytes:
    if len(text) > MAX_ANNOTATION_BYTES:
        raise BoundExceededError("MAX_ANNOTATION_BYTES", MAX_ANNOTATION_BYTES, where=where)
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise InvalidInputError(f"annotation {name} is not base64", where=where) from error
