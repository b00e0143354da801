# SPDX-License-Identifier: Apache-2.0
"""Takes what hangs on an image apart by its media type; what cannot be read is told, with the reason."""

from dataclasses import dataclass

from tidegate.artifact import media_type as mt
from tidegate.errors import InvalidInputError
from tidegate.oci.signatures import BUNDLE, Attached, Hanging
from tidegate.signing import notation
from tidegate.signing.bundle import read_bundle
from tidegate.signing.envelope import parse_envelope
from tidegate.signing.found import Form, FoundSignature
from tidegate.signing.simple import certificate_beside, log_beside, read_simple
from tidegate.signing.statement_claim import statement_claim


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """Something that may have been a signature, and why nobody can say."""

    where: str
    why: str
    form: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """All that was found on an image."""

    found: tuple[FoundSignature, ...] = ()
    unread: tuple[Unread, ...] = ()


def read_all(hanging: Hanging) -> Read:
    """Takes everything apart."""
    found: list[FoundSignature] = []
    unread = [Unread(where=one.where, why=one.why) for one in hanging.passed_over]
    for one in hanging.attached:
        try:
            found.append(read_attached(one))
        except InvalidInputError as error:
            form = _form(one.layer.media_type)
            unread.append(Unread(where=one.where, why=error.what, form=form or ""))
    return Read(found=tuple(found), unread=tuple(unread))


def read_attached(one: Attached) -> FoundSignature:
    """Takes one layer apart.

    Raises:
        InvalidInputError: malformed, hostile, or of another kind than its media type says.
    """
    kind = one.layer.media_type
    if kind == mt.SIMPLE_SIGNING:
        return read_simple(one.content, one.layer, where=one.where)
    if kind == mt.DSSE:
        return _read_envelope(one)
    if kind.startswith(BUNDLE):
        return read_bundle(one.content, where=one.where)
    if kind == notation.JWS:
        return notation.read_notation(one.content, where=one.where)
    if kind == notation.COSE:
        raise InvalidInputError("is a signature in COSE, which is not read", where=one.where, remedy="sign with JWS")
    raise InvalidInputError(f"is of an unknown kind {kind[:80]!r}", where=one.where)


def _read_envelope(one: Attached) -> FoundSignature:
    envelope = parse_envelope(one.content, where=one.where)
    return FoundSignature(
        form=Form.DSSE,
        where=one.where,
        digest=one.layer.digest,
        signed=envelope.signed,
        payload=envelope.payload,
        claim=statement_claim(envelope.payload, where=one.where),
        signatures=envelope.signatures,
        certificate=certificate_beside(one.layer.annotations, where=one.where),
        log=log_beside(one.layer.annotations, where=one.where),
        content=one.content,
    )


def _form(media_type: str) -> Form | None:
    if media_type.startswith(BUNDLE):
        return Form.BUNDLE
    forms = {mt.SIMPLE_SIGNING: Form.SIMPLE, mt.DSSE: Form.DSSE, notation.JWS: Form.NOTATION}
    return forms.get(media_type)
