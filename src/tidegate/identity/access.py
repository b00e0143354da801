# SPDX-License-Identifier: Apache-2.0
"""Who is let in, and what for: credentials to a principal, a principal and a wish to a ruling.

Credentials come as HTTP Basic (RFC 7617), as container clients send them, or as a Bearer (RFC 6750). Where nothing at
all is set up (no access token, no principals, no issuers) this machine's own users are let in, and nobody else.
"""

import base64
import ipaddress
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Final, Protocol, TypeVar

from tidegate.clock import Clock, system_clock
from tidegate.errors import RefusedError
from tidegate.identity import account, ruling
from tidegate.identity.access_token import AccessToken
from tidegate.identity.directory import Directory, Remembered
from tidegate.identity.grant import Grant
from tidegate.identity.password import Passwords
from tidegate.identity.pattern import EVERYTHING, RepositoryPattern
from tidegate.identity.principal import ANONYMOUS, ROBOT_PREFIX, Principal, PrincipalKind, printable_name
from tidegate.identity.ruling import Asked, Ruling
from tidegate.identity.token import BadTokenError, Claims, Tokens, TokenUse, looks_like_jwt
from tidegate.identity.verb import Verb

__all__ = ["Access", "AccessToken", "Credentials", "UnauthenticatedError", "is_loopback"]

_MAX_HEADER_CHARS: Final = 16384
_HOLDER: Final = "token"
_ANY_NAME: Final = frozenset({"", _HOLDER, "oauth2accesstoken", "<token>"})
"""Names clients write before a password that is a token."""
_REMEMBER_SECONDS: Final = 60.0
T = TypeVar("T", bound=str)
_KEPT_HERE: Final = frozenset({PrincipalKind.USER, PrincipalKind.ROBOT})


_OF_ADMINISTRATORS: Final = frozenset({Verb.APPROVE, Verb.AUDIT, Verb.ADMINISTER})
"""What only an administrator may give on another's asking: approvers make no approvers."""
_ADMINISTERING: Final = Asked(verb=Verb.ADMINISTER)


class UnauthenticatedError(RefusedError):
    """Nobody we know.

    Attributes:
        tried: credentials were shown, and they were wrong; an expired token is not.
    """

    def __init__(self, what: str, *, remedy: str = "", tried: bool = False) -> None:
        super().__init__(what, remedy=remedy)
        self.tried = tried


class Voucher(Protocol):
    """Somebody whose word about others is taken: OpenID issuers."""

    def vouch(self, token: str) -> tuple[Principal, datetime] | None:
        """Whom a token speaks for and until when; None when it is of no issuer known here.

        Raises:
            BadTokenError: the issuer is known, and does not stand for this token.
            OutsideError: the issuer's keys cannot be had.
        """
        ...


@dataclass(frozen=True, slots=True)
class Credentials:
    """What was shown: a name with its secret, or a bare token. Never prints its secret."""

    name: str
    secret: str
    is_bearer: bool = False

    @classmethod
    def parse(cls, authorization: str) -> "Credentials | None":
        """Reads an `Authorization` header; None when there is none that can be read."""
        scheme, _, rest = authorization[:_MAX_HEADER_CHARS].partition(" ")
        rest = rest.strip()
        if scheme.lower() == "bearer":
            return cls(_HOLDER, rest, is_bearer=True) if rest else None
        if scheme.lower() != "basic":
            return None
        try:
            name, _, secret = base64.b64decode(rest, validate=True).decode().partition(":")
        except ValueError:  # broken base64, not ASCII or not UTF-8
            return None
        return cls(name, secret) if secret else None

    def __repr__(self) -> str:
        return f"Credentials({self.name!r}, …)"


@dataclass(frozen=True, slots=True)
class _Remembered:
    principal: Principal
    until: float  # monotonic seconds
    revision: int


class Access:
    """Decides who is let in, and what for. Safe for threads.

    Args:
        token: what the administrator shows; None for none.
        directory: principals and grants kept here; None for none.
        tokens: makes and reads this server's own tokens; None for none.
        vouchers: who else may say who somebody is.
        clock: when things end.
    """

    def __init__(
        self,
        token: AccessToken | None = None,
        *,
        directory: Directory | None = None,
        tokens: Tokens | None = None,
        vouchers: tuple[Voucher, ...] = (),
        clock: Clock = system_clock,
    ) -> None:
        self._token = token
        self._directory = directory
        self.tokens = tokens
        self._vouchers = vouchers
        self._clock = clock
        self._passwords = Passwords()
        self._let_in: Remembered[_Remembered] = Remembered()

    @property
    def offers_tokens(self) -> bool:
        """True where clients are sent for a token before they work."""
        return self.tokens is not None

    def known(self, authorization: str, *, peer: str, forwarded: bool = False) -> Principal | None:
        """Who that is, when it can be told from memory; None means that `authenticate` has to be asked."""
        if self._directory is not None and not self._directory.is_fresh:
            return None
        if self._is_open() and is_loopback(peer) and not forwarded:
            return ANONYMOUS
        found = self._let_in.get(sha256(authorization.encode(errors="replace")).digest()) if authorization else None
        if found is None or found.revision != self._revision() or time.monotonic() >= found.until:
            return None
        return found.principal

    def authenticate(self, authorization: str, *, peer: str, forwarded: bool = False) -> Principal:
        """Turns an `Authorization` header into a principal.

        Args:
            authorization: the header; "" when there was none.
            peer: the address the request came from.
            forwarded: somebody passed it on for another; then being on this machine says nothing.

        Raises:
            UnauthenticatedError: nothing shown, or something wrong, or nothing is set up and the peer is elsewhere.
            OutsideError: the database or an issuer failed.
        """
        if self._directory is not None:
            self._directory.look()
        if self._is_open():
            if is_loopback(peer) and not forwarded:
                return ANONYMOUS
            raise UnauthenticatedError(
                "only this machine's own users are let in", remedy="configure an access token to serve others"
            )
        credentials = Credentials.parse(authorization)
        if credentials is None:
            raise UnauthenticatedError("who are you?", remedy="log in")
        revision = self._revision()
        principal, end = self.verify(credentials)
        left = (end - self._clock()).total_seconds() if end else _REMEMBER_SECONDS
        key = sha256(authorization.encode(errors="replace")).digest()
        until = time.monotonic() + min(left, _REMEMBER_SECONDS)
        self._let_in.put(key, _Remembered(principal, until, revision))
        return principal

    def verify(self, credentials: Credentials) -> tuple[Principal, datetime | None]:
        """Whose credentials these are, and until when they are good (None: as long as they are not changed).

        Raises:
            UnauthenticatedError: nobody's; the answer and the time it takes are the same for names nobody has.
            OutsideError: the database or an issuer failed.
        """
        if self._token is not None and self._token.matches(credentials.secret):
            return _administrator(credentials.name), None
        if looks_like_jwt(credentials.secret):
            return self._by_token(credentials)
        if not credentials.is_bearer and self._directory is not None:
            return self._by_secret(self._directory, credentials)
        raise _wrong()

    def login(self, credentials: Credentials, *, peer: str) -> Principal:
        """Whose credentials these are, from wherever they were shown.

        Raises:
            UnauthenticatedError: nobody's.
            OutsideError: the database or an issuer failed.
        """
        del peer
        return self.verify(credentials)[0]

    def refreshed(self, token: str, *, peer: str) -> Principal:
        """Whose refresh token this is, as they are kept now.

        Raises:
            UnauthenticatedError: it is none, or its principal was changed or removed since.
            OutsideError: the database failed.
        """
        del peer
        if self.tokens is None:
            raise _wrong()
        with _as_refusal():
            claims = self.tokens.read(token, TokenUse.REFRESH)
            self._still_open(claims)
        return claims.principal()

    def epoch_of(self, principal: Principal) -> int:
        """The epoch tokens of a principal are made for; 0 for those not kept here."""
        if principal.kind not in _KEPT_HERE or self._directory is None:
            return 0
        found = self._directory.account(principal.name)
        return found[0].epoch if found else 0

    def ruling(self, principal: Principal, asked: Asked) -> Ruling:
        """Whether a principal may do a thing.

        Raises:
            OutsideError: the database failed.
        """
        return ruling.rule(principal, asked, self._grants(principal), at=self._clock())

    def known_ruling(self, principal: Principal, asked: Asked) -> Ruling | None:
        """As `ruling`, when it can be told from memory; None means that `ruling` has to be asked."""
        if principal.is_administrator or self._directory is None:
            return ruling.rule(principal, asked, (), at=self._clock())
        grants = self._directory.known_grants(principal)
        return None if grants is None else ruling.rule(principal, asked, grants, at=self._clock())

    def granted(self, principal: Principal, asked: Asked) -> bool:
        """Whether a principal may do a thing, whatever token was shown.

        Raises:
            OutsideError: the database failed.
        """
        return ruling.granted(principal, asked, self._grants(principal), at=self._clock()).allowed

    def may_approve(self, principal: Principal, pattern: RepositoryPattern, verbs: frozenset[Verb]) -> bool:
        """Whether a principal may decide over a grant that another asked for.

        Raises:
            OutsideError: the database failed.
        """
        grants, at = self._grants(principal), self._clock()
        if verbs & _OF_ADMINISTRATORS and not ruling.granted(principal, _ADMINISTERING, grants, at=at).allowed:
            return False
        asked = Asked(verb=Verb.APPROVE, repository=pattern.literal)
        return principal.is_administrator or any(
            grant.pattern.covers(pattern) and ruling.granted(principal, asked, [_whole(grant)], at=at).allowed
            for grant in grants
        )

    def visible(self, principal: Principal, repository: str, tags: Sequence[T], *, address: str) -> list[T]:
        """Those tags of a repository that a principal may see.

        Raises:
            OutsideError: the database failed.
        """
        grants = self._grants(principal)
        if not any(grant.condition and grant.condition.needs_content for grant in grants):
            return list(tags)  # the request itself was allowed, and no grant tells one tag from another
        at = self._clock()
        asked = Asked(verb=Verb.LIST, repository=repository, address=address)
        return [tag for tag in tags if ruling.granted(principal, replace(asked, tag=tag), grants, at=at).allowed]

    def prefixes(self, principal: Principal) -> tuple[str, ...]:
        """What the names of all repositories begin with that a principal may see; ("",) for any."""
        if principal.is_administrator or self._directory is None:
            return ("",)
        wanted = {Verb.LIST, Verb.PULL}
        literals = sorted({grant.pattern.literal for grant in self._grants(principal) if grant.verbs & wanted})
        found: list[str] = []
        for text in literals:  # sorted, so what another one begins with comes right after it
            if not found or not text.startswith(found[-1]):
                found.append(text)
        return tuple(found)

    def _grants(self, principal: Principal) -> tuple[Grant, ...]:
        return () if principal.is_administrator or self._directory is None else self._directory.grants(principal)

    def _is_open(self) -> bool:
        """Nothing at all is set up."""
        populated = self._directory is not None and self._directory.is_populated
        return self._token is None and not self._vouchers and not populated

    def _revision(self) -> int:
        return self._directory.seen_revision if self._directory else 0

    def _by_secret(self, directory: Directory, credentials: Credentials) -> tuple[Principal, datetime | None]:
        found = directory.account(credentials.name)
        kept = found[1] if found else ""
        if credentials.name.startswith(ROBOT_PREFIX):
            right = account.secret_matches(kept, credentials.secret)
        else:
            right = self._passwords.verify(kept, credentials.secret)
        if found is None or not right or not found[0].is_open(self._clock()):
            raise _wrong()
        return found[0].principal(), found[0].expires_at

    def _by_token(self, credentials: Credentials) -> tuple[Principal, datetime]:
        with _as_refusal():
            principal, end = self._vouched(credentials.secret)
        names = {principal.name, principal.name.partition(":")[2], *_ANY_NAME}
        if not credentials.is_bearer and credentials.name not in names:
            raise _wrong()
        return principal, end

    def _vouched(self, token: str) -> tuple[Principal, datetime]:
        for voucher in self._vouchers:
            if found := voucher.vouch(token):
                return found
        if self.tokens is None:
            raise BadTokenError("nobody reads tokens here")
        claims = self.tokens.read(token, TokenUse.ACCESS, TokenUse.SESSION)
        self._still_open(claims)
        return claims.principal(), claims.expires_at

    def _still_open(self, claims: Claims) -> None:
        if claims.kind is PrincipalKind.ANONYMOUS:
            raise BadTokenError("nothing was set up when it was made", expired=True)
        if claims.kind not in _KEPT_HERE:
            return
        found = self._directory.account(claims.sub) if self._directory else None
        if found is None or found[0].epoch != claims.epoch or not found[0].is_open(self._clock()):
            raise BadTokenError("its principal was changed or removed", expired=True)


def is_loopback(address: str) -> bool:
    """True for addresses that never leave this machine."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return bool((mapped or parsed).is_loopback)


def _whole(grant: Grant) -> Grant:
    """The grant, whatever repository is asked about: that its pattern covers the other one was found out before."""
    return replace(grant, pattern=RepositoryPattern(EVERYTHING))


def _administrator(name: str) -> Principal:
    return Principal(name=printable_name(name) or _HOLDER, kind=PrincipalKind.ADMINISTRATOR)


def _wrong() -> UnauthenticatedError:
    return UnauthenticatedError("name or secret is wrong", remedy="log in again", tried=True)


@contextmanager
def _as_refusal() -> Iterator[None]:
    try:
        yield
    except BadTokenError as error:
        raise UnauthenticatedError(
            "the token is not good here any more" if error.expired else "the token is not good here",
            remedy="log in again",
            tried=not error.expired,
        ) from error
