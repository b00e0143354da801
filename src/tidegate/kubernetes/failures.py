# SPDX-License-Identifier: Apache-2.0
"""What an API server's refusals and its absence mean, in the families of `tidegate.errors`."""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import httpx
from lightkube.core.exceptions import ApiError, ConfigError

from tidegate.bounds import printable
from tidegate.errors import InvalidInputError, NotFoundError, OutsideError, RefusedError, TidegateError, UsageError

_MAX_MESSAGE_CHARS: Final = 500


class ConflictError(RefusedError):
    """The object is another one meanwhile, or is there already: read it again, then decide again."""


class ExpiredError(OutsideError):
    """The API server has forgotten that version of the world (410): list anew."""


_KINDS: Final[Mapping[int, type[TidegateError]]] = {
    400: InvalidInputError,
    401: RefusedError,
    403: RefusedError,
    404: NotFoundError,
    405: UsageError,
    409: ConflictError,
    410: ExpiredError,
    422: InvalidInputError,
}


@contextmanager
def kubernetes_failures(where: str) -> Iterator[None]:
    """Turns what goes wrong at an API server into this house's errors.

    Args:
        where: what is asked for, as people know it ("pods of shop"), or the API server.

    Raises:
        RefusedError: it does not know who asks, or does not let them; ConflictError: the object changed meanwhile.
        NotFoundError: there is no such object, or no such kind.
        InvalidInputError: it does not take what was sent.
        ExpiredError: the version asked for is forgotten.
        OutsideError: it cannot be reached, is too busy, or failed; what it said is not what an API server says.
        UsageError: nothing says where it is, or as whom.
    """
    try:
        yield
    except ConfigError as error:
        raise UsageError(_cut(str(error)), where=where) from error
    except ApiError as error:
        raise failure(int(error.status.code or 0), error.status.message or "", where=where) from error
    except httpx.HTTPStatusError as error:
        raise failure(error.response.status_code, "", where=where) from error
    except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, ssl.SSLError, OSError) as error:
        raise OutsideError(f"the API server cannot be asked: {_cut(str(error) or repr(error))}", where=where) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:  # of a body that is not an API server's
        raise OutsideError(f"not an answer of an API server: {_cut(repr(error))}", where=where) from error


def failure(status: int, message: str, *, where: str) -> TidegateError:
    """The error of a status (HTTP's, or `code` of a `Status` object), with what the API server said."""
    kind = _KINDS.get(status, OutsideError)
    return kind(f"the API server answered {status}" + (f": {_cut(message)}" if message else ""), where=where)


def _cut(text: str) -> str:
    return printable(text[:_MAX_MESSAGE_CHARS])
