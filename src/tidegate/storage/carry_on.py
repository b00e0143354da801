# SPDX-License-Identifier: Apache-2.0
"""A thread that does something again and again outlives whatever one turn of it came to.

One that ends is missed by nobody until what it did is missing: decisions expire, nobody is told, no trail is written.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from logging import Logger

from tidegate.errors import TidegateError


@contextmanager
def carrying_on(log: Logger, what: str) -> Iterator[None]:
    """Says what failed, and that it is tried again; what nobody foresaw is said with where it happened."""
    try:
        yield
    except TidegateError as error:
        log.warning("%s: %s; trying again later", what, error)
    except Exception:
        log.exception("%s failed; trying again later", what)
