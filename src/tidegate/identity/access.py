# SPDX-License-Identifier: Apache-2.0
"""Who is let in, and what for: credentials to a principal, a principal and a wish to a ruling.

Credentials come as HTTP Basic (RFC 7617), as container clients send them, or as a Bearer (RFC 6750). Where nothing at
all is set up (no access token, no principals, no issuers) this machine's own users are let in, and nobody else.
"""

import ipaddress
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final, Protocol

from tidegate.clock import Clock, system_clock
from tidegate.identity import account
from tidegate.identity.access_token import AccessToken
from tidegate.identity.certificate import ClientCertificates
from tidegate.identity.credentials import HOLDER, Credentials, UnauthenticatedError
from tidegate.identity.directory import Directory, Remembered
from tidegate.identity.issuer import Issuer
from tidegate.identity.password import Passwords
from tidegate.identity.permissions import Permissions
from tidegate.identity.principal import ANONYMOUS, ROBOT_PREFIX, Principal, PrincipalKind, printable_name
from tidegate.identity.throttle import Throttle
from tidegate.identity.token import BadTokenError, Claims, Tokens, TokenUse, looks_like_jwt

__all__ = ["Access", "AccessToken", "Credentials", "UnauthenticatedError", "is_loopback"]

_ANY_NAME: Final = frozenset({"", HOLDER, "oauth2accesstoken", "<token>"})
"""Names clients write before a password that is a token."""
_REMEMBER_SECONDS: Final = 60.0
_KEPT_HERE: Final = frozenset({PrincipalKind.USER, PrincipalKind.ROBOT})


class Voucher(Protocol):
    """Somebody whose word about others is taken: OpenID issuers."""

    def vouch(self, token: str) -> tuple[Principal, datetime] | None:
        """Whom a token speaks for and until when; None when it is of no issuer known here.

        Raises:
            BadTokenError: the issuer is known, and does not stand for this token.
            OutsideError: the issuer's keys cannot be had.
        """
        ...

    @property
    def logins(self) -> tuple[Issuer, ...]:
        """Issuers that people may log in with."""
        ...

    def exchange(self, token: str) -> Principal:
        """Whom a token speaks for that is shown once, for one of ours; raises as `vouch`, also for unknown issuers."""
        ...


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
        voucher: who else may say who somebody is; None for nobody.
        certificates: reads client certificates that a proxy hands on; None for none.
        throttle: makes who fails too often wait; None for nobody.
        clock: when things end.
    """

    def __init__(
        self,
        token: AccessToken | None = None,
        *,
        directory: Directory | None = None,
        tokens: Tokens | None = None,
        voucher: Voucher | None = None,
        certificates: ClientCertificates | None = None,
        throttle: Throttle | None = None,
        clock: Clock = system_clock,
    ) -> None:
        self._token = token
        self._directory = directory
        self.tokens = tokens
        self._voucher = voucher
        self._certificates = certificates
        self._throttle = throttle
        self._clock = clock
        self.permissions = Permissions(directory, clock)
        self._passwords = Passwords()
        self._let_in: Remembered[_Remembered] = Remembered()

    @property
    def logins(self) -> tuple[Issuer, ...]:
        """Issuers that people may log in with."""
        return self._voucher.logins if self._voucher is not None else ()

    @property
    def offers_tokens(self) -> bool:
        """True where clients are sent for a token before they work."""
        return self.tokens is not None

    @property
    def lets_in_anybody(self) -> bool:
        """True while nothing at all is set up: of this machine anybody is let in."""
        populated = self._directory is not None and self._directory.is_populated
        vouched = self._voucher is not None or self._certificates is not None
        return self._token is None and not vouched and not populated

    def known(self, authorization: str, *, peer: str, forwarded: bool = False) -> Principal | None:
        """Who that is, when it can be told from memory; None means that `authenticate` has to be asked."""
        if self._directory is not None and not self._directory.is_fresh:
            return None
        if self.lets_in_anybody and is_loopback(peer) and not forwarded:
            return ANONYMOUS
        found = self._let_in.get(sha256(authorization.encode(errors="replace")).digest()) if authorization else None
        if found is None or found.revision != self._revision() or time.monotonic() >= found.until:
            return None
        return found.principal

    def still(self, authorization: str, *, peer: str, forwarded: bool = False) -> Principal:
        """Who that is by now, for a request that was let in before and goes on: cheap as long as nothing changed.

        What fails here counts as no failed login, and nobody else's failures stand in its way.

        Raises:
            UnauthenticatedError: nobody any more: removed, disabled, renewed or expired since.
            OutsideError: the database or an issuer failed.
        """
        if self._directory is not None:
            self._directory.look()
        found = self.known(authorization, peer=peer, forwarded=forwarded)
        return found or self.authenticate(authorization, peer=peer, forwarded=forwarded, counted=False)

    def authenticate(
        self, authorization: str, *, peer: str, forwarded: bool = False, counted: bool = True
    ) -> Principal:
        """Turns an `Authorization` header into a principal.

        Args:
            authorization: the header; "" when there was none.
            peer: the address the request came from.
            forwarded: somebody passed it on for another; then being on this machine says nothing.
            counted: what fails counts as a failed login.

        Raises:
            UnauthenticatedError: nothing shown, or something wrong, or nothing is set up and the peer is elsewhere.
            ThrottledError: too many failures before this one.
            OutsideError: the database or an issuer failed.
        """
        if self._directory is not None:
            self._directory.look()
        if self.lets_in_anybody:
            if is_loopback(peer) and not forwarded:
                return ANONYMOUS
            raise UnauthenticatedError(
                "only this machine's own users are let in", remedy="configure an access token to serve others"
            )
        credentials = Credentials.parse(authorization)
        if credentials is None:
            raise UnauthenticatedError("who are you?", remedy="log in")
        revision = self._revision()
        principal, end = self._verify(credentials, peer) if counted else self._whose(credentials, peer, counted=False)
        left = (end - self._clock()).total_seconds() if end else _REMEMBER_SECONDS
        key = sha256(authorization.encode(errors="replace")).digest()
        until = time.monotonic() + min(left, _REMEMBER_SECONDS)
        self._let_in.put(key, _Remembered(principal, until, revision))
        return principal

    def _verify(self, credentials: Credentials, peer: str) -> tuple[Principal, datetime | None]:
        """Whose credentials these are, and until when they are good (None: as long as they are not changed).

        The answer and the time it takes are the same for names nobody has.
        """
        with self._counted(credentials.name, peer):
            return self._whose(credentials, peer)

    def _whose(self, credentials: Credentials, peer: str, *, counted: bool = True) -> tuple[Principal, datetime | None]:
        if self._token is not None and self._token.matches(credentials.secret):
            return _administrator(credentials.name), None
        if looks_like_jwt(credentials.secret):
            return self._by_token(credentials)
        if not credentials.is_bearer and self._directory is not None:
            return self._by_secret(self._directory, credentials, peer, counted=counted)
        raise _wrong()

    def login(self, credentials: Credentials, *, peer: str) -> Principal:
        """Whose credentials these are, from wherever they were shown.

        Raises:
            UnauthenticatedError: nobody's.
            OutsideError: the database or an issuer failed.
        """
        return self._verify(credentials, peer)[0]

    def exchanged(self, token: str, *, peer: str) -> Principal:
        """Whom an issuer's token speaks for: a person, or a job that becomes a workload here.

        Raises:
            UnauthenticatedError: nobody known here.
            OutsideError: the issuer's keys cannot be had.
        """
        if self._voucher is None:
            raise _wrong()
        with self._counted("", peer), _as_refusal():
            return self._voucher.exchange(token)

    def certified(self, header: str, *, secret: str, peer: str) -> Principal:
        """Whose client certificate a proxy handed on.

        Raises:
            UnauthenticatedError: nobody's, or it was not the proxy.
        """
        if self._certificates is None:
            raise _wrong()
        with self._counted("", peer), _as_refusal():
            return self._certificates.principal(header, shown_secret=secret)

    def refreshed(self, token: str, *, peer: str) -> Principal:
        """Whose refresh token this is, as they are kept now.

        Raises:
            UnauthenticatedError: it is none, or its principal was changed or removed since.
            OutsideError: the database failed.
        """
        if self.tokens is None:
            raise _wrong()
        with self._counted("", peer), _as_refusal():
            claims = self.tokens.read(token, TokenUse.REFRESH)
            self._still_open(claims)
        return claims.principal()

    def epoch_of(self, principal: Principal) -> int:
        """The epoch tokens of a principal are made for; 0 for those not kept here."""
        if principal.kind not in _KEPT_HERE or self._directory is None:
            return 0
        found = self._directory.account(principal.name)
        return found[0].epoch if found else 0

    def _revision(self) -> int:
        return self._directory.seen_revision if self._directory else 0

    @contextmanager
    def _counted(self, name: str, peer: str) -> Iterator[None]:
        """Counts what fails here as a failed login."""
        try:
            yield
        except UnauthenticatedError as error:
            if self._throttle is not None and error.tried:
                self._throttle.failed(name, peer)
            raise

    def _by_secret(
        self, directory: Directory, credentials: Credentials, peer: str, *, counted: bool
    ) -> tuple[Principal, datetime | None]:
        found = directory.account(credentials.name)
        kept = found[1] if found else ""
        if credentials.name.startswith(ROBOT_PREFIX):
            right = account.secret_matches(kept, credentials.secret)
        else:
            # Only passwords can be guessed, so only they wait: whoever shares an address with an attacker and shows a
            # token, or a robot's secret, is let in all the same.
            throttle = self._throttle if counted else None
            if throttle is not None:
                throttle.check(credentials.name, peer)
            right = self._passwords.verify(kept, credentials.secret)
            if right and throttle is not None:
                throttle.succeeded(credentials.name, peer)
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
        if self._voucher is not None and (found := self._voucher.vouch(token)):
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


def _administrator(name: str) -> Principal:
    return Principal(name=printable_name(name) or HOLDER, kind=PrincipalKind.ADMINISTRATOR)


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
