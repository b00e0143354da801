# SPDX-License-Identifier: Apache-2.0
"""The machine an image is for: `os/architecture[/variant]`."""

from typing import Self

from tidegate.errors import UsageError
from tidegate.values import Struct

_ALIASES = {"x86_64": "amd64", "aarch64": "arm64", "i386": "386", "armhf": "arm"}


class Platform(Struct, frozen=True, kw_only=True):
    """Operating system and processor, in Go's names as OCI uses them."""

    os: str
    architecture: str
    variant: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads `linux/arm64/v8`; a single word is an architecture on linux.

        Raises:
            UsageError: it has more than three parts or an empty one.
        """
        parts = text.split("/")
        if len(parts) == 1:
            parts = ["linux", *parts]
        if len(parts) > 3 or not all(parts):  # noqa: PLR2004 - os, architecture, variant
            raise UsageError(f"not a platform: {text!r}", remedy="write it as os/architecture, like linux/amd64")
        name = _ALIASES.get(parts[1], parts[1])
        return cls(os=parts[0], architecture=name, variant=parts[2] if len(parts) > 2 else "")  # noqa: PLR2004

    def serves(self, wanted: "Platform") -> bool:
        """True when an image for this platform may be given to one who asks for `wanted`."""
        same = (self.os, self.architecture) == (wanted.os, wanted.architecture)
        return same and (not wanted.variant or not self.variant or self.variant == wanted.variant)

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)
