# SPDX-License-Identifier: Apache-2.0
"""A login on another device: a code that is typed there (RFC 8628)."""

import time
from collections.abc import Callable
from typing import Any, Final

from tidegate.bounds import printable
from tidegate.errors import OutsideError, RefusedError, UsageError
from tidegate.outbound.address import check_url
from tidegate.remote.issuer import Issuer
from tidegate.values import Struct
from tidegate.wire import from_builtins

_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
_MAX_WAIT_SECONDS: Final = 1800.0
_MIN_INTERVAL: Final = 1.0
_SLOWER: Final = 5.0
_OK: Final = 200


class _Offered(Struct, frozen=True, kw_only=True):
    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str = ""
    expires_in: float = 600.0
    interval: float = 5.0


def log_in_by_device(
    issuer: Issuer, *, show: Callable[[str], None], sleep: Callable[[float], None] = time.sleep
) -> str:
    """An ID token for whoever types the code that is shown.

    Args:
        issuer: where.
        show: is given what to open, and the code.
        sleep: waits between two questions.

    Raises:
        OutsideError: nobody came in time, or the issuer failed.
        RefusedError: the issuer says no.
        UsageError: the issuer offers no such login.
    """
    where = issuer.login.issuer
    if not issuer.device_endpoint:
        raise UsageError("offers no login on another device", where=where, remedy="leave --device out")
    asked = {"client_id": issuer.login.client_id, "scope": " ".join(issuer.login.scopes)}
    status, told = issuer.form(issuer.device_endpoint, asked)
    if status != _OK:
        raise RefusedError(f"no login: {_said(told, status)}", where=where)
    offered = from_builtins(told, _Offered, what=where)
    show(f"open {check_url(offered.verification_uri)} and type {printable(offered.user_code[:64])}")
    form = {"grant_type": _GRANT, "device_code": offered.device_code, "client_id": issuer.login.client_id}
    interval = max(_MIN_INTERVAL, offered.interval)
    end = time.monotonic() + min(offered.expires_in, _MAX_WAIT_SECONDS)
    while time.monotonic() < end:
        sleep(interval)
        status, told = issuer.form(issuer.token_endpoint, form)
        match told.get("error"):
            case "authorization_pending":
                continue
            case "slow_down":
                interval += _SLOWER
            case _:
                return issuer.id_token(status, told)
    raise OutsideError("nobody logged in in time", where=where, remedy="try again")


def _said(told: Any, status: int) -> str:
    return printable(str(told.get("error_description") or told.get("error") or f"answered {status}")[:300])
