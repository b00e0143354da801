# SPDX-License-Identifier: Apache-2.0
"""ID tokens of trusted issuers (OpenID Connect Core 1.0, 3.1.3.7): verified, and turned into principals."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError

from tidegate.clock import Clock
from tidegate.identity.issuer import Issuer
from tidegate.identity.issuer_keys import IssuerKeys
from tidegate.identity.principal import Principal
from tidegate.identity.token import MAX_TOKEN_CHARS, BadTokenError, header_of, issuer_of
from tidegate.outbound import Outbound

ALGORITHMS: Final = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
LEEWAY: Final = timedelta(seconds=60)
"""By how much an issuer's clock may differ from ours."""
MAX_LIFETIME: Final = timedelta(hours=24)
"""ID tokens that claim to last longer than this are not taken."""


class Federation:
    """All trusted issuers. Safe for threads.

    Args:
        issuers: each of another URL.
        outbound: fetches their keys.
        clock: now.
    """

    def __init__(self, issuers: Iterable[Issuer], outbound: Outbound, *, clock: Clock) -> None:
        self._issuers = {issuer.url: (issuer, IssuerKeys(issuer.url, outbound)) for issuer in issuers}
        self._clock = clock

    @property
    def logins(self) -> tuple[Issuer, ...]:
        """Issuers that speak for people, who may log in with them."""
        return tuple(issuer for issuer, _ in self._issuers.values() if issuer.people is not None)

    def vouch(self, token: str) -> tuple[Principal, datetime] | None:
        """Whom an ID token speaks for and until when; None when it is of no issuer that speaks for people.

        Raises:
            BadTokenError: the issuer is known, and does not stand for this token.
            OutsideError: the issuer's keys cannot be had.
        """
        found = self._issuers.get(issuer_of(token))
        if found is None or found[0].people is None:
            return None
        claims = self._verified(token, *found)
        person = found[0].person(claims)
        return (person, datetime.fromtimestamp(claims["exp"], UTC)) if person else None

    def exchange(self, token: str) -> Principal:
        """Whom an ID token speaks for, people or workloads.

        Raises:
            BadTokenError: nobody known here.
            OutsideError: the issuer's keys cannot be had.
        """
        found = self._issuers.get(issuer_of(token))
        if found is None:
            raise BadTokenError("of no issuer known here")
        claims = self._verified(token, *found)
        principal = found[0].person(claims) or found[0].workload(claims)
        if principal is None:
            raise BadTokenError("no condition holds for it")
        return principal

    def _verified(self, token: str, issuer: Issuer, keys: IssuerKeys) -> Mapping[str, Any]:
        if len(token) > MAX_TOKEN_CHARS:
            raise BadTokenError("too long")
        kid = header_of(token).get("kid")
        if not isinstance(kid, str) or not kid:
            raise BadTokenError("without the id of its key")
        try:
            claims = jwt.decode(token, keys.with_id(kid), algorithms=ALGORITHMS).claims
        except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise BadTokenError("not signed by its issuer") from error
        self._check(claims, issuer)
        return claims

    def _check(self, claims: Mapping[str, Any], issuer: Issuer) -> None:
        if claims.get("iss") != issuer.url:
            raise BadTokenError("of another issuer")
        audience = claims.get("aud")
        if issuer.audience not in ([audience] if isinstance(audience, str) else audience or ()):
            raise BadTokenError("for another audience")
        if isinstance(audience, list) and len(audience) > 1 and claims.get("azp", issuer.audience) != issuer.audience:
            raise BadTokenError("made for another party")
        now, leeway = self._clock().timestamp(), LEEWAY.total_seconds()
        issued, ends = _moment(claims, "iat"), _moment(claims, "exp")
        if now >= ends + leeway:
            raise BadTokenError("expired", expired=True)
        if now < max(issued, _moment(claims, "nbf", issued)) - leeway:
            raise BadTokenError("of the future")
        if ends - issued > MAX_LIFETIME.total_seconds():
            raise BadTokenError("made to last too long")


def _moment(claims: Mapping[str, Any], name: str, default: float | None = None) -> float:
    value = claims.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**40:
        raise BadTokenError(f"without a time in {name}")
    return value
