# SPDX-License-Identifier: Apache-2.0
"""Trying again, a bounded number of times: as the server asks (RFC 9110 `Retry-After`), else with growing pauses."""

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, TypeVar

from tidegate.errors import OutsideError
from tidegate.outbound.options import OutboundOptions

if TYPE_CHECKING:
    import httpx
    import tenacity

T = TypeVar("T")


class TryAgain(OutsideError):  # noqa: N818 - a request to the loop below; callers see it only as OutsideError
    """Failed in a way that another try may mend.

    Args:
        what: as for every error.
        where: as for every error.
        wait_s: the pause the server asked for, in seconds; None when it asked for none.
    """

    def __init__(self, what: str, *, where: str, wait_s: float | None = None) -> None:
        super().__init__(what, where=where, remedy="check the network and the server, then try again")
        self.wait_s = wait_s


def retrying(act: Callable[[], T], *, options: OutboundOptions, sleep: Callable[[float], None]) -> T:
    """Runs an act until it works, fails for good, or was tried `max_attempts` times.

    Raises:
        TryAgain: the last failure, when every try failed or the server asks for a longer pause than `max_wait_s`.
    """
    import tenacity

    backoff = tenacity.wait_random_exponential(multiplier=0.5, max=options.max_wait_s)

    def wait(state: "tenacity.RetryCallState") -> float:
        asked = _failure(state).wait_s
        return backoff(state) if asked is None else asked

    def over(state: "tenacity.RetryCallState") -> bool:
        return state.attempt_number >= options.max_attempts or (_failure(state).wait_s or 0) > options.max_wait_s

    loop = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(TryAgain),
        stop=over,
        wait=wait,
        sleep=sleep,
        reraise=True,
    )
    return loop(act)


def wait_asked(response: "httpx.Response") -> float | None:
    """Seconds of pause a `Retry-After` header asks for; None when there is none that can be read."""
    text = response.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _failure(state: "tenacity.RetryCallState") -> TryAgain:
    error = state.outcome.exception() if state.outcome is not None else None
    if not isinstance(error, TryAgain):
        raise TypeError("asked about an act that did not fail")
    return error
