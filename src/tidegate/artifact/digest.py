# SPDX-License-Identifier: Apache-2.0
"""Content digests as OCI image-spec 1.1 `descriptor.md` writes them."""

import hashlib
import re
from typing import Final, Self

from tidegate.errors import InvalidInputError

_FORM: Final = re.compile(r"(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})")


class Digest(str):
    """`algorithm:hex`, with the algorithms OCI registers: sha256 and sha512.

    Raises:
        InvalidInputError: the text is not such a digest.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Checks the text."""
        if not _FORM.fullmatch(text):
            raise InvalidInputError(
                f"not a digest: {text[:80]!r}", remedy="write sha256: and 64 lower-case hexadecimal digits"
            )
        return super().__new__(cls, text)

    @classmethod
    def of(cls, data: bytes) -> Self:
        """The sha256 digest of some bytes."""
        return cls("sha256:" + hashlib.sha256(data).hexdigest())

    @property
    def algorithm(self) -> str:
        """`sha256` or `sha512`."""
        return self.partition(":")[0]

    @property
    def hex(self) -> str:
        """The hexadecimal part."""
        return self.partition(":")[2]

    @property
    def short(self) -> str:
        """The first twelve hexadecimal digits, for people."""
        return self.hex[:12]
