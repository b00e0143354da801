# SPDX-License-Identifier: Apache-2.0
"""Whether a principal may do a thing, by the grants there are: pure, and no without a grant that says yes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tidegate.clock import rfc3339
from tidegate.identity.grant import Grant
from tidegate.identity.principal import Principal
from tidegate.identity.scope import CATALOG, REGISTRY, REPOSITORY
from tidegate.identity.verb import Verb

NO_GRANT: Final = "no grant allows it"
OUT_OF_SCOPE: Final = "the token is not for this"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody wants to do.

    Attributes:
        repository: "" for the server as a whole.
        tag: as named; "" when a digest or nothing is.
        digest: as named; "" when a tag or nothing is.
        any_content: which tag or digest it is about is not known yet, or does not matter: conditions on them are left
            to the request that names one.
        address: where the request came from.
    """

    verb: Verb
    repository: str = ""
    tag: str = ""
    digest: str = ""
    any_content: bool = False
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """The answer.

    Attributes:
        why: the id of the grant that allows it, or why nothing does.
        out_of_scope: the principal may, but the token shown is for something else: another one would do.
    """

    allowed: bool
    why: str
    out_of_scope: bool = False


def rule(principal: Principal, asked: Asked, grants: Iterable[Grant], *, at: datetime) -> Ruling:
    """Decides: an active grant of the principal must allow it, and so must the token that was shown.

    Args:
        principal: who asks.
        asked: what for.
        grants: active ones, of anybody.
        at: the moment.
    """
    ruling = granted(principal, asked, grants, at=at)
    if ruling.allowed and not in_scope(principal, asked):
        return Ruling(allowed=False, why=OUT_OF_SCOPE, out_of_scope=True)
    return ruling


def granted(principal: Principal, asked: Asked, grants: Iterable[Grant], *, at: datetime) -> Ruling:
    """Decides by the grants alone, whatever token was shown; arguments as `rule`."""
    if principal.is_administrator:
        return Ruling(allowed=True, why=principal.kind)
    for grant in grants:
        if _fits(grant, principal, asked, at) and _holds(grant, principal, asked, at):
            return Ruling(allowed=True, why=grant.id)
    return Ruling(allowed=False, why=NO_GRANT)


def in_scope(principal: Principal, asked: Asked) -> bool:
    """Whether the token a principal came with is for this. Listing tags goes with pulling, as clients ask for it."""
    if principal.scope is None:
        return True
    if not asked.repository:
        return asked.verb is Verb.LIST and any(e.allows(REGISTRY, CATALOG, "*") for e in principal.scope)
    actions = (Verb.LIST, Verb.PULL) if asked.verb is Verb.LIST else (asked.verb,)
    return any(entry.allows(REPOSITORY, asked.repository, action) for entry in principal.scope for action in actions)


def _fits(grant: Grant, principal: Principal, asked: Asked, at: datetime) -> bool:
    # Whoever may pull may look which tags there are: clients ask so before they pull.
    verbs = {asked.verb, Verb.PULL} if asked.verb is Verb.LIST and asked.repository else {asked.verb}
    return (
        bool(grant.verbs & verbs)
        and (grant.expires_at is None or at < grant.expires_at)
        and grant.holder.is_(principal)
        and grant.pattern.matches(asked.repository)
    )


def _holds(grant: Grant, principal: Principal, asked: Asked, at: datetime) -> bool:
    if grant.condition is None or (asked.any_content and grant.condition.needs_content):
        return True
    return grant.condition.holds(_values(principal, asked, at))


def _values(principal: Principal, asked: Asked, at: datetime) -> Mapping[str, Mapping[str, object]]:
    # CEL takes plain text only, no names or digests with a class of their own.
    return {
        "request": {
            "verb": asked.verb.value,
            "repository": str(asked.repository),
            "tag": str(asked.tag),
            "digest": str(asked.digest),
            "by_digest": bool(asked.digest),
            "address": asked.address,
            "hour": at.hour,
            "weekday": at.isoweekday(),
            "time": rfc3339(at),
        },
        "principal": {
            "name": principal.name,
            "kind": principal.kind.value,
            "groups": sorted(principal.groups),
            "claims": dict(principal.claims),
        },
    }
