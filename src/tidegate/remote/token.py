# SPDX-License-Identifier: Apache-2.0
"""Tokens of a tidegate server, as their holder sees them: bought, exchanged, and until when they are good."""

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from tidegate.bounds import KIB
from tidegate.errors import InvalidInputError, OutsideError, RefusedError
from tidegate.oci.credentials import Credentials
from tidegate.outbound import Outbound
from tidegate.remote.problem import read_problem
from tidegate.wire import from_json

_PATH: Final = "/token"
_MAX_ANSWER_BYTES: Final = 64 * KIB
_MAX_TOKEN_CHARS: Final = 12_000
_TYPE: Final = "urn:ietf:params:oauth:token-type:"
_EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
_HOLDER: Final = "token"
_OK: Final = 200
_UNKNOWN: Final = 401
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}


def log_in(outbound: Outbound, address: str, username: str, secret: str) -> Credentials:
    """What to keep for somebody with a password or a robot's secret: a token in its place, where the server sells one.

    Raises:
        RefusedError: name or secret is wrong, or too many were.
        OutsideError: the server cannot be reached, or failed.
    """
    form = {"grant_type": "password", "username": username, "password": secret, "access_type": "offline"}
    told = _ask(outbound, address, {**form, "client_id": "tidegate"})
    token = told.get("refresh_token")
    if isinstance(token, str) and token:
        return Credentials(username=username, identity_token=_sound(token, address))
    return Credentials(username=username, password=secret)


def log_in_by_issuer(outbound: Outbound, address: str, id_token: str) -> Credentials:
    """What to keep for somebody whom an OpenID issuer vouches for; raises as `log_in`."""
    form = {"grant_type": _EXCHANGE, "subject_token": id_token, "subject_token_type": f"{_TYPE}id_token"}
    return Credentials(username=_HOLDER, password=_access_token(_ask(outbound, address, form), address))


def exchange(outbound: Outbound, address: str, token: str) -> str:
    """A short token for all that the holder of a kept one may do; raises as `log_in`."""
    form = {"grant_type": _EXCHANGE, "subject_token": token, "subject_token_type": f"{_TYPE}refresh_token"}
    return _access_token(_ask(outbound, address, form), address)


def ends_at(credentials: Credentials) -> datetime | None:
    """When what is kept ends; None when it does not say. Nothing is verified: that is for the server to do."""
    claims = unverified_claims(credentials.identity_token or credentials.password)
    end = claims.get("exp")
    if isinstance(end, bool) or not isinstance(end, int | float) or not 0 <= end < 2**37:
        return None
    return datetime.fromtimestamp(end, UTC)


def unverified_claims(token: str) -> Mapping[str, Any]:
    """What stands in a JWT, without a look at its signature; nothing when it is none."""
    parts = token.split(".") if len(token) <= _MAX_TOKEN_CHARS else []
    if len(parts) != 3:  # noqa: PLR2004 - header, claims, signature
        return {}
    try:
        raw = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        return from_json(raw, dict[str, Any], what="token", max_bytes=_MAX_ANSWER_BYTES)
    except (binascii.Error, ValueError, InvalidInputError):
        return {}


def _ask(outbound: Outbound, address: str, form: Mapping[str, str]) -> Mapping[str, Any]:
    # Asked once: a refusal to let somebody in is told, not tried again.
    reply = outbound.request(
        "POST",
        address + _PATH,
        headers=_FORM,
        body=urlencode(form).encode(),
        max_bytes=_MAX_ANSWER_BYTES,
        follow=False,
        retry=False,
    )
    if reply.status != _OK:
        what, _, remedy = read_problem(reply)
        kind = RefusedError if reply.status in {400, 401, 403, 429} else OutsideError
        remedy = f"tidegate login {address}" if reply.status == _UNKNOWN else remedy
        raise kind(f"no login: {what}", where=address, remedy=remedy)
    return from_json(reply.body, dict[str, Any], what=address, max_bytes=_MAX_ANSWER_BYTES)


def _access_token(told: Mapping[str, Any], address: str) -> str:
    token = told.get("access_token")
    return _sound(token if isinstance(token, str) else "", address)


def _sound(token: str, address: str) -> str:
    if not token or len(token) > _MAX_TOKEN_CHARS or not token.isascii() or not token.isprintable():
        raise OutsideError("answered without a token", where=address)
    return token
