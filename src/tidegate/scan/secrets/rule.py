# SPDX-License-Identifier: Apache-2.0
"""What a rule is: what the automaton looks for, and what makes a hit a secret.

A sample in a rule is a template, so that this repository holds nothing that looks like a secret: `<36:alnum>` stands
for 36 characters of that alphabet (see `ALPHABETS`), made up by the test that runs the sample.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

Buffer: TypeAlias = bytes | memoryview

ALPHABETS: Final = {
    "alnum": "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    "alpha": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    "base32": "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
    "base64": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    "bech32": "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
    "digit": "0123456789",
    "hex": "0123456789abcdef",
    "url64": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
    "upper": "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "x": "x",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A confirmed secret in one file: where it starts, and its bytes (never kept past the scan)."""

    rule: str
    start: int
    secret: bytes = field(repr=False)
    shown: str = ""


Confirm: TypeAlias = Callable[["Rule", Buffer, int], Sighting | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One kind of secret.

    Attributes:
        id: stays the same for ever; it is in reports, ignore lists and fingerprints.
        trigger: what the automaton looks for, in Hyperscan's syntax: short, bounded, and never matching a NUL.
        token: what must stand where the trigger began, in `re`'s syntax; its group `secret` is the secret itself.
        min_entropy: bits a character the secret must have, by Shannon's formula over its own characters.
        stands_alone: whether a letter, digit or `_` right before it makes it part of something else.
        in_binaries: whether a hit in a file that is not text counts.
        confirm: another second look than `token`, entropy and placeholders.
        samples: templates that must be found.
        counter_samples: templates that must not be.
    """

    id: str
    trigger: bytes
    token: re.Pattern[bytes]
    min_entropy: float = 3.0
    stands_alone: bool = True
    in_binaries: bool = True
    confirm: Confirm | None = None
    samples: tuple[str, ...]
    counter_samples: tuple[str, ...]
