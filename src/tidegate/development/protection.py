# SPDX-License-Identifier: Apache-2.0
"""What guards a branch, from what a forge answered and somebody saved: GitHub's answer, GitLab's, or our own form.

Nothing is asked here; whoever signs the statement vouches for the answer.
"""

from collections.abc import Mapping
from typing import Any, Final

from tidegate.bounds import MIB
from tidegate.errors import InvalidInputError
from tidegate.evidence.predicates.source import Protection
from tidegate.wire import from_builtins, from_json

MAX_ANSWER_BYTES: Final = 4 * MIB

_GITLAB_NOBODY: Final = 0
"""Access level of GitLab that is nobody's."""


def read_protection(content: bytes, *, ref: str, where: str) -> Protection:
    """Reads a saved answer.

    Args:
        content: JSON.
        ref: the branch it is about, where the answer does not say.
        where: its name in errors, and who told it.

    Raises:
        InvalidInputError: it is none of the forms.
    """
    answer = from_json(content, dict[str, Any], what=where, max_bytes=MAX_ANSWER_BYTES)
    if "forcePushBlocked" in answer:
        return from_builtins({"ref": ref, **answer}, Protection, what=where)
    if "push_access_levels" in answer:
        return _gitlab(answer, ref, where)
    if {"required_pull_request_reviews", "required_status_checks", "allow_force_pushes"} & answer.keys():
        return _github(answer, ref, where)
    raise InvalidInputError(
        "no protection of a branch", where=where, remedy="save what GitHub or GitLab answers for the branch"
    )


def _github(answer: Mapping[str, Any], ref: str, where: str) -> Protection:
    """GET /repos/{owner}/{repo}/branches/{branch}/protection; what is not there is not enforced."""
    reviews = _table(answer, "required_pull_request_reviews")
    checks = _table(answer, "required_status_checks")
    bypass = _table(reviews, "bypass_pull_request_allowances")
    passing = [
        str(it.get("login") or it.get("slug") or it.get("name") or "somebody")
        for kind in ("users", "teams", "apps")
        for it in bypass.get(kind) or ()
        if isinstance(it, dict)
    ]
    if not _enabled(answer, "enforce_admins"):
        passing.append("administrators")
    return from_builtins(
        {
            "ref": ref,
            "toldBy": str(answer.get("url") or where),
            "requiredReviews": reviews.get("required_approving_review_count") or 0,
            "forcePushBlocked": not _enabled(answer, "allow_force_pushes"),
            "deletionBlocked": not _enabled(answer, "allow_deletions"),
            "signaturesRequired": _enabled(answer, "required_signatures"),
            "requiredChecks": checks.get("contexts") or [],
            "bypassedBy": passing,
        },
        Protection,
        what=where,
    )


def _gitlab(answer: Mapping[str, Any], ref: str, where: str) -> Protection:
    """GET /projects/{id}/protected_branches/{name}; who may push passes over reviews."""
    levels = [it for it in answer.get("push_access_levels") or () if isinstance(it, dict)]
    pushing = [
        str(it.get("access_level_description") or it.get("access_level"))
        for it in levels
        if it.get("access_level") != _GITLAB_NOBODY
    ]
    return from_builtins(
        {
            "ref": str(answer.get("name") or ref),
            "toldBy": where,
            "requiredReviews": int(answer.get("code_owner_approval_required") is True),
            "forcePushBlocked": answer.get("allow_force_push") is False,
            "deletionBlocked": True,  # GitLab deletes no protected branch by a push
            "bypassedBy": pushing,
        },
        Protection,
        what=where,
    )


def _table(answer: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = answer.get(name)
    return found if isinstance(found, dict) else {}


def _enabled(answer: Mapping[str, Any], name: str) -> bool:
    return _table(answer, name).get("enabled") is True
