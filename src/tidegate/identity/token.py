# SPDX-License-Identifier: Apache-2.0
"""Tokens this server makes and takes back: JWTs signed with ES256, short-lived, for this service and one use.

`access` opens the resources it lists (Docker token authentication); `session` is a principal who proved it elsewhere;
`refresh` only buys new ones. https://distribution.github.io/distribution/spec/auth/jwt/
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Self
from uuid import uuid4

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from joserfc.jws import extract_compact

from tidegate.bounds import read_bounded
from tidegate.clock import Clock
from tidegate.errors import InvalidInputError, OutsideError, UsageError
from tidegate.identity.principal import Principal, PrincipalKind
from tidegate.identity.scope import ScopeAccess
from tidegate.key_file import create_secret_file
from tidegate.values import Struct, field
from tidegate.wire import from_builtins, from_json, to_builtins

MAX_TOKEN_CHARS: Final = 12_000
_ALGORITHM: Final = "ES256"
_CURVE: Final = "P-256"
_TYPE: Final = "tidegate+jwt"
_MAX_KEY_BYTES: Final = 4096
_LEEWAY: Final = timedelta(seconds=5)  # between the clocks of replicas


class TokenUse(StrEnum):
    """What a token is good for."""

    ACCESS = "access"
    SESSION = "session"
    REFRESH = "refresh"


class BadTokenError(Exception):
    """A token that opens nothing: forged, for another service or use, or of no such form.

    Attributes:
        expired: it was good once.
    """

    def __init__(self, why: str, *, expired: bool = False) -> None:
        super().__init__(why)
        self.expired = expired


class Claims(Struct, frozen=True, kw_only=True):
    """What stands in a token of ours.

    Attributes:
        sub: the principal's name.
        epoch: the principal's, when the token was made; 0 for those not kept here.
        access: None for all the principal may do.
    """

    iss: str
    aud: str
    sub: str
    iat: int
    nbf: int
    exp: int
    jti: str
    use: TokenUse
    kind: PrincipalKind
    epoch: int = 0
    groups: tuple[str, ...] = ()
    claims: dict[str, str] = field(default_factory=dict)
    access: tuple[ScopeAccess, ...] | None = None

    def principal(self) -> Principal:
        """Whom it speaks for."""
        return Principal(
            name=self.sub, kind=self.kind, groups=frozenset(self.groups), claims=self.claims, scope=self.access
        )

    @property
    def issued_at(self) -> datetime:
        """When it was made."""
        return datetime.fromtimestamp(self.iat, UTC)

    @property
    def expires_at(self) -> datetime:
        """The moment from which on it opens nothing."""
        return datetime.fromtimestamp(self.exp, UTC)


class TokenKey:
    """The key that signs tokens; every replica has the same one. Never prints."""

    __slots__ = ("_key",)

    def __init__(self, key: ECKey) -> None:
        self._key = key

    @classmethod
    def generate(cls) -> Self:
        """A new key."""
        return cls(ECKey.generate_key(_CURVE))

    @classmethod
    def load(cls, file: Path) -> Self:
        """Reads the key from a PEM file for its owner alone; makes one when there is no file yet.

        Raises:
            InvalidInputError: the file holds something else.
            OutsideError: the disk refused.
        """
        if not file.exists():
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with suppress(UsageError):  # another process was first: its key is the one
                create_secret_file(file, ECKey.generate_key(_CURVE).as_pem(private=True), what="token key")
        try:
            with file.open("rb") as source:
                raw = read_bounded(source, max_bytes=_MAX_KEY_BYTES, what=str(file))
        except OSError as error:
            raise OutsideError(f"cannot read the token key: {error.strerror}", where=str(file)) from error
        try:
            key = ECKey.import_key(raw)
        except (JoseError, ValueError, TypeError) as error:
            raise InvalidInputError("holds no token key", where=str(file), remedy="remove it for a new one") from error
        if key.curve_name != _CURVE or not key.is_private:
            raise InvalidInputError("holds no private P-256 key", where=str(file), remedy="remove it for a new one")
        return cls(key)

    def derive(self, purpose: str) -> bytes:
        """32 bytes for another purpose (HKDF, RFC 5869), the same in every replica, that tell nothing of the key."""
        scalar = self._key.as_der(private=True)
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"tidegate {purpose}".encode()).derive(scalar)

    @property
    def jose(self) -> ECKey:
        """The key as joserfc has it."""
        return self._key

    def __repr__(self) -> str:
        return "TokenKey(…)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetimes:
    """How long tokens last."""

    access: timedelta = timedelta(minutes=5)
    session: timedelta = timedelta(minutes=30)
    refresh: timedelta = timedelta(days=14)

    def of(self, use: TokenUse) -> timedelta:
        """The lifetime of one use."""
        return {TokenUse.ACCESS: self.access, TokenUse.SESSION: self.session, TokenUse.REFRESH: self.refresh}[use]


class Tokens:
    """Makes tokens and tells whose they are. Safe for threads.

    Args:
        key: signs and verifies.
        service: the audience; a token for another one opens nothing here.
        clock: when they are made and end.
        lifetimes: how long they last.
    """

    def __init__(self, key: TokenKey, *, service: str, clock: Clock, lifetimes: Lifetimes | None = None) -> None:
        self._key = key
        self._service = service
        self._clock = clock
        self._lifetimes = lifetimes or Lifetimes()

    @property
    def service(self) -> str:
        """Whom tokens are for."""
        return self._service

    def derive(self, purpose: str) -> bytes:
        """As `TokenKey.derive`."""
        return self._key.derive(purpose)

    def make(
        self,
        principal: Principal,
        use: TokenUse,
        *,
        access: Iterable[ScopeAccess] | None = None,
        epoch: int = 0,
        not_after: datetime | None = None,
    ) -> tuple[str, Claims]:
        """Makes a token.

        Args:
            principal: whom it speaks for.
            use: what it is good for.
            access: what it opens; None for all the principal may do.
            epoch: the account's.
            not_after: when the principal itself ends.

        Returns:
            The token, and what stands in it.
        """
        now = self._clock()
        end = now + self._lifetimes.of(use)
        claims = Claims(
            iss=self._service,
            aud=self._service,
            sub=principal.name,
            iat=int(now.timestamp()),
            nbf=int(now.timestamp()),
            exp=int((min(end, not_after) if not_after else end).timestamp()),
            jti=uuid4().hex,
            use=use,
            kind=principal.kind,
            epoch=epoch,
            groups=tuple(sorted(principal.groups)),
            claims=dict(principal.claims),
            access=None if access is None else tuple(access),
        )
        header = {"alg": _ALGORITHM, "typ": _TYPE, "kid": self._key.jose.thumbprint()}
        return jwt.encode(header, to_builtins(claims), self._key.jose, algorithms=[_ALGORITHM]), claims

    def read(self, token: str, *uses: TokenUse) -> Claims:
        """What stands in a token, once its signature, service, use and times are found right.

        Raises:
            BadTokenError: one of them is not.
        """
        if len(token) > MAX_TOKEN_CHARS:
            raise BadTokenError("too long")
        try:
            found = jwt.decode(token, self._key.jose, algorithms=[_ALGORITHM])
            if found.header.get("typ") != _TYPE:
                raise BadTokenError("of another type")
            claims = from_builtins(found.claims, Claims, what="token")
        except (JoseError, InvalidInputError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise BadTokenError("not signed here") from error
        self._check(claims, uses)
        return claims

    def _check(self, claims: Claims, uses: tuple[TokenUse, ...]) -> None:
        now, leeway = self._clock().timestamp(), _LEEWAY.total_seconds()
        if claims.aud != self._service or claims.iss != self._service:
            raise BadTokenError("for another service")
        if claims.use not in uses:
            raise BadTokenError("for another use")
        if now < claims.nbf - leeway:
            raise BadTokenError("of the future")
        if now >= claims.exp:
            raise BadTokenError("expired", expired=True)


def looks_like_jwt(text: str) -> bool:
    """True for what has the form of a JWT: three parts, the first of which begins a JSON object."""
    return text.count(".") == 2 and text.startswith("eyJ")  # noqa: PLR2004 - three parts


def issuer_of(token: str) -> str:
    """The issuer a JWT names, before anything of it was verified: only good for choosing who verifies it."""
    try:
        payload = extract_compact(token[:MAX_TOKEN_CHARS].encode()).payload
        claims = from_json(payload, dict[str, Any], what="token", max_bytes=MAX_TOKEN_CHARS)
    except (JoseError, InvalidInputError, ValueError):
        return ""
    issuer = claims.get("iss")
    return issuer if isinstance(issuer, str) else ""


def header_of(token: str) -> Mapping[str, Any]:
    """The header of a JWT, before anything of it was verified: only good for choosing the key."""
    try:
        return extract_compact(token[:MAX_TOKEN_CHARS].encode()).headers()
    except (JoseError, ValueError):
        return {}
