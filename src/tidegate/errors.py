# SPDX-License-Identifier: Apache-2.0
"""What can go wrong, by whose fault it is and what the caller can do.

    TidegateError
    ├── UsageError              2  the caller asked for something that makes no sense
    ├── InvalidInputError       2  what was given is broken or hostile
    │   ├── BoundExceededError     it is over a stated limit
    │   └── DigestMismatchError    its bytes are not what their digest says
    ├── NotFoundError           2  what was named is not there
    ├── RefusedError            1  a policy or a lifecycle says no
    └── OutsideError            3  network, disk or another program failed

Rooms raise these (or subclasses that carry values); doors turn them into an exit status, an HTTP problem or
an AdmissionReview. Nothing else may leave a room because of its input.
"""

from typing import ClassVar


class TidegateError(Exception):
    """Base of every error tidegate raises on purpose.

    Args:
        what: what is wrong, in lower case, without a full stop.
        where: the file, reference, key or offset it is about; "" when there is none.
        remedy: the way out, in the imperative; "" when there is none.
    """

    exit_status: ClassVar[int] = 3

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}; {self.remedy}" if self.remedy else text


class UsageError(TidegateError):
    """The caller asked for something that makes no sense."""

    exit_status = 2


class InvalidInputError(TidegateError):
    """What was given is broken or hostile."""

    exit_status = 2


class BoundExceededError(InvalidInputError):
    """Input is over a stated limit.

    Args:
        bound: the limit's name as its options class spells it.
        limit: the limit itself, in the unit the name says.
        where: what was being read.
    """

    def __init__(self, bound: str, limit: float, *, where: str = "", remedy: str = "") -> None:
        super().__init__(f"over the limit {bound} = {limit}", where=where, remedy=remedy)
        self.bound = bound
        self.limit = limit


class DigestMismatchError(InvalidInputError):
    """Bytes are not what their digest says."""

    def __init__(self, expected: str, actual: str, *, where: str = "") -> None:
        super().__init__(f"digest mismatch: expected {expected}, got {actual}", where=where)
        self.expected = expected
        self.actual = actual


class NotFoundError(TidegateError):
    """What was named is not there."""

    exit_status = 2


class RefusedError(TidegateError):
    """A policy or a lifecycle says no."""

    exit_status = 1


class OutsideError(TidegateError):
    """Network, disk or another program failed."""

    exit_status = 3
