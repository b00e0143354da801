# SPDX-License-Identifier: Apache-2.0
"""AdmissionReview (admission.k8s.io/v1) to a value and back; hostile input becomes an error, never a surprise."""

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tidegate.bounds import KIB, MIB, printable
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.manifests.documents import check_bounds
from tidegate.values import Struct, field
from tidegate.wire import demand_unique_keys, from_json, to_json

API_VERSION: Final = "admission.k8s.io/v1"
KIND: Final = "AdmissionReview"
MAX_REVIEW_BYTES: Final = 8 * MIB
"""The API server takes objects of up to 3 MiB, and sends the old one along."""
MAX_MESSAGE_CHARS: Final = 4000
MAX_WARNINGS: Final = 10
MAX_WARNING_CHARS: Final = 120
"""Beyond those the API server cuts them off."""
_UID: Final = re.compile(rb'"uid"\s*:\s*"([0-9A-Za-z-]{1,64})"')
_UID_WITHIN: Final = 4 * KIB
_MAX_LABEL_CHARS: Final = 253


class GroupKind(Struct, frozen=True):
    """Group, version and kind of an object."""

    group: str = ""
    version: str = ""
    kind: str = ""


class GroupResource(Struct, frozen=True):
    """Group, version and resource that was asked for."""

    group: str = ""
    version: str = ""
    resource: str = ""


class UserInfo(Struct, frozen=True):
    """Who asks, as the API server found out."""

    username: str = ""
    groups: tuple[str, ...] = ()


class AdmissionRequest(Struct, frozen=True, kw_only=True):
    """One question.

    Attributes:
        uid: given back with the answer.
        kind: of `object`.
        subresource: "" for the object itself.
        operation: `CREATE`, `UPDATE`, `DELETE` or `CONNECT`.
        object: as it shall be; None on DELETE.
        old: as it is; None unless it is there.
        dry_run: nothing comes of it.
    """

    uid: str
    kind: GroupKind
    operation: str
    resource: GroupResource = GroupResource()
    subresource: str | None = field(default=None, name="subResource")
    name: str = ""
    namespace: str = ""
    user: UserInfo = field(default=UserInfo(), name="userInfo")
    object: dict[str, Any] | None = None
    old: dict[str, Any] | None = field(default=None, name="oldObject")
    dry_run: bool | None = field(default=None, name="dryRun")


class _Review(Struct, frozen=True, kw_only=True):
    api: str = field(name="apiVersion")
    kind: str
    request: AdmissionRequest


class Answer(Struct, frozen=True, kw_only=True):
    """What is answered.

    Attributes:
        message: why not; "" when it is allowed.
        code: HTTP status of the refusal, as a client sees it.
        patch: JSON Patch (RFC 6902) to the object.
        warnings: shown to whoever asked.
        audit: annotations of the API server's audit event, without our prefix.
    """

    allowed: bool
    message: str = ""
    code: int = 403
    patch: Sequence[Mapping[str, Any]] = ()
    warnings: Sequence[str] = ()
    audit: Mapping[str, str] = {}


def read_review(raw: bytes, *, is_whole: bool = True) -> AdmissionRequest:
    """Reads a question; of one that is not whole, it was longer than anybody reads.

    Raises:
        BoundExceededError: over `MAX_REVIEW_BYTES`, or its object over the bounds of manifests.
        InvalidInputError: not JSON, a key stands twice in an object, or no AdmissionReview of this version.
    """
    where = KIND
    if not is_whole:
        raise BoundExceededError("MAX_REVIEW_BYTES", MAX_REVIEW_BYTES, where=where)
    review = from_json(raw, _Review, what=where, max_bytes=MAX_REVIEW_BYTES)
    demand_unique_keys(raw, what=where)
    if review.api != API_VERSION or review.kind != KIND:
        raise InvalidInputError(f"is {review.api[:60]!r} {review.kind[:60]!r}, not {API_VERSION} {KIND}", where=where)
    request = review.request
    for document in (request.object, request.old):
        if document is not None:
            check_bounds(document, where=where)
    if len(request.namespace) > _MAX_LABEL_CHARS or len(request.name) > _MAX_LABEL_CHARS:
        raise BoundExceededError("max_name_chars", _MAX_LABEL_CHARS, where=where)
    return request


def uid_in(raw: bytes) -> str:
    """The uid of a question that cannot be read otherwise, as the API server writes it near the beginning; or ""."""
    found = _UID.search(raw[:_UID_WITHIN])
    return found[1].decode() if found else ""


def write_answer(uid: str, answer: Answer) -> bytes:
    """The AdmissionReview with the answer."""
    response: dict[str, Any] = {"uid": uid, "allowed": answer.allowed}
    if not answer.allowed:
        message = printable(answer.message)[:MAX_MESSAGE_CHARS]
        response["status"] = {"message": message, "code": answer.code, "reason": _reason(answer.code)}
    if answer.patch and answer.allowed:
        response["patchType"] = "JSONPatch"
        response["patch"] = base64.b64encode(to_json(list(answer.patch))).decode()
    if answer.warnings:
        response["warnings"] = [printable(one)[:MAX_WARNING_CHARS] for one in answer.warnings[:MAX_WARNINGS]]
    if answer.audit:
        response["auditAnnotations"] = {
            name: printable(text)[:MAX_MESSAGE_CHARS] for name, text in answer.audit.items()
        }
    return to_json({"apiVersion": API_VERSION, "kind": KIND, "response": response})


def _reason(code: int) -> str:
    return {400: "BadRequest", 413: "RequestEntityTooLarge"}.get(code, "Forbidden")
