# SPDX-License-Identifier: Apache-2.0
"""Asks a tidegate registry for the keys of an encrypted image, to be wrapped for a key of ours."""

from collections.abc import Mapping
from typing import Any, Final

from tidegate.artifact import Digest, Reference
from tidegate.bounds import KIB, printable
from tidegate.errors import InvalidInputError, NotFoundError, OutsideError, RefusedError
from tidegate.oci.encryption.keys import RecipientKey
from tidegate.oci.encryption.released import MAX_RELEASED_BYTES, read_released
from tidegate.oci.registry import RegistryClient
from tidegate.outbound import Reply
from tidegate.wire import from_json, to_json

_OK: Final = 200
_NOT_FOUND: Final = 404
_REFUSED: Final = frozenset({401, 403})
_MAX_PROBLEM_BYTES: Final = 64 * KIB
_MAX_SHOWN_CHARS: Final = 600


def request_keys(
    client: RegistryClient, reference: Reference, digest: Digest, key: RecipientKey
) -> Mapping[Digest, Mapping[str, str]]:
    """The annotations of each encrypted layer, with its key wrapped for ours.

    Args:
        client: knows the user's credentials.
        reference: names the registry.
        digest: of the encrypted image or index.
        key: the public one.

    Raises:
        NotFoundError: the registry made no such copy, or is no tidegate.
        OutsideError: it cannot be reached, or answers something else.
        RefusedError: it does not release them; with its reason.
    """
    base, authorizer = client.beside(reference)
    reply = client.outbound.request(
        "POST",
        f"{base}/api/v1/images/{digest}/keys",
        headers={"Content-Type": "application/json"},
        body=to_json({"public_key": key.to_pem().decode("ascii")}),
        max_bytes=MAX_RELEASED_BYTES,
        authorizer=authorizer,
    )
    if reply.status == _OK:
        return read_released(reply.body, where=f"{reference.registry}: released keys")
    what, remedy = _problem(reply)
    if reply.status in _REFUSED:
        raise RefusedError(f"keys are not released: {what}", where=str(digest), remedy=remedy)
    if reply.status == _NOT_FOUND:
        raise NotFoundError(f"no keys to release: {what}", where=str(digest), remedy=remedy)
    raise OutsideError(f"the registry answered {reply.status}: {what}", where=reference.registry, remedy=remedy)


def _problem(reply: Reply) -> tuple[str, str]:
    """What is wrong and the way out, in the registry's words (RFC 9457)."""
    try:
        document = from_json(reply.body, dict[str, Any], what="problem", max_bytes=_MAX_PROBLEM_BYTES)
    except InvalidInputError:
        return "without a reason", ""
    said = (document.get("title", "without a reason"), document.get("detail", ""))
    return printable(str(said[0])[:_MAX_SHOWN_CHARS]), printable(str(said[1])[:_MAX_SHOWN_CHARS])
