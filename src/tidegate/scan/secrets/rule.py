# SPDX-License-Identifier: Apache-2.0
"""What a rule is: what the automaton looks for, and what makes a hit a secret.

A sample in a rule is a template, so that this repository holds nothing that looks like a secret: `<36:alnum>` stands
for 36 characters of that alphabet (see `ALPHABETS`), made up by the test that runs the sample.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, TypeAlias

from tidegate.evidence import Severity

Buffer: TypeAlias = bytes | memoryview

ALPHABETS: Final = {
    "alnum": "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    "alpha": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    "base32": "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
    "base64": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    "bech32": "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
    "digit": "0123456789",
    "hex": "0123456789abcdef",
    "HEX": "0123456789ABCDEF",
    "b32lower": "abcdefghijklmnopqrstuvwxyz234567",
    "lower": "0123456789abcdefghijklmnopqrstuvwxyz",
    "url64": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
    "upper": "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "x": "x",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A confirmed secret in one content: where it starts, and its bytes (never kept past the scan).

    Attributes:
        shown: what people are shown instead of its first characters.
        note: what else is to be said of it.
    """

    rule: str
    start: int
    secret: bytes = field(repr=False)
    shown: str = ""
    note: str = ""


Confirm: TypeAlias = Callable[["Rule", Buffer, int], Sighting | None]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One kind of secret.

    Attributes:
        id: stays the same for ever; it is in reports, ignore lists and fingerprints.
        title: what it is, for people; `provider` is who gives it out, "" for what nobody gives out.
        pattern: what must stand where the trigger began, in `re`'s syntax over bytes; its group `secret`, or the whole
            of it, is the secret itself.
        trigger: what the automaton looks for, in Hyperscan's syntax: bounded, and never matching a NUL. "" for a keyed
            rule, whose triggers are its `keys`.
        back: bytes before the trigger at which the pattern begins.
        keys: words one of which stands in the key of `key = "secret"`, for secrets without a form of their own.
        min_entropy: bits a character the secret must have, by Shannon's formula over its own characters.
        stands_alone: whether a letter, digit or `_` right before it makes it part of something else.
        in_binaries: whether a hit in a file that is not text counts.
        yields: whether it says nothing where a more exact rule has spoken.
        allows: placeholders of this kind, in `re`'s syntax, searched for in the secret.
        also_known_as: ids other scanners give to the same kind, so that their ignore files can be read.
        severity: how bad it is when it leaks.
        confirm: another second look than form, entropy and placeholders.
        check: a checksum the form carries; called with the secret.
        samples: templates that must be found; `counter_samples` are those that must not be.
    """

    id: str
    title: str = ""
    provider: str = ""
    pattern: str
    trigger: str = ""
    back: int = 0
    keys: tuple[str, ...] = ()
    min_entropy: float = 3.0
    stands_alone: bool = True
    in_binaries: bool = True
    yields: bool = False
    allows: str = ""
    also_known_as: tuple[str, ...] = ()
    severity: Severity = Severity.HIGH
    confirm: Confirm | None = None
    check: Callable[[bytes], bool] | None = None
    samples: tuple[str, ...]
    counter_samples: tuple[str, ...]

    @cached_property
    def token(self) -> re.Pattern[bytes]:
        """The pattern, compiled when the automaton hits for the first time."""
        return re.compile(self.pattern.encode("latin-1"))

    @cached_property
    def allowed(self) -> re.Pattern[bytes] | None:
        """The placeholders, compiled."""
        return re.compile(self.allows.encode("latin-1"), re.IGNORECASE) if self.allows else None
