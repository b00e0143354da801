# SPDX-License-Identifier: Apache-2.0
"""The order of Alpine packages, as apk-tools compares them (apk-package(5), section on versions).

A version is `number{.number}[letter]{_suffix[number]}[~hash][-r number]`. The first number is compared as a number;
of the later ones those with a leading zero are compared as text and come first. Where one version ends and the other
goes on, the rest decides: a pre-release suffix is before the end, all other parts are after it.

Malformed versions occur in real data and apk compares them too: at the part it cannot read, the version counts as
before the end of a well-formed one. Here the unreadable rest is compared as text, except after a `-`, where apk
itself calls all rests equal.
"""

import re
from typing import Final

from tidegate.inventory import Version
from tidegate.knowledge.versions.order import checked, number

_PRE, _INVALID, _END, _REVISION, _HASH, _SUFFIX_NUMBER, _POST, _LETTER, _DIGITS = (bytes((n,)) for n in range(1, 10))
_SUFFIXES: Final = {
    "alpha": _PRE + b"\x01",
    "beta": _PRE + b"\x02",
    "pre": _PRE + b"\x03",
    "rc": _PRE + b"\x04",
    "cvs": _POST + b"\x01",
    "svn": _POST + b"\x02",
    "git": _POST + b"\x03",
    "hg": _POST + b"\x04",
    "p": _POST + b"\x05",
}
_PARTS: Final = re.compile(
    r"""(?P<numbers>[0-9]*(?:\.(?=[0-9.]|$)[0-9]*)*)
        (?P<letter>[a-z][0-9]*(?:\.[0-9]+)*)?
        (?P<suffixes>(?:_(?:alpha|beta|pre|rc|cvs|svn|git|hg|p)[0-9]*(?![a-z]))*)
        (?P<hash>~[0-9a-f]+)?
        (?P<revision>-r(?:[0-9]+|(?=-|$)))?
        (?P<rest>.*)""",
    re.VERBOSE,
)
_SUFFIX: Final = re.compile(r"_([a-z]+)([0-9]*)")


class ApkOrder:
    """Orders versions as `apk version -t` does."""

    name: Final = "apk"

    def key(self, version: Version) -> bytes:
        """See `VersionOrder.key`."""
        parts = _PARTS.match(checked(self.name, version))
        if parts is None:  # cannot be: every part may be empty
            raise AssertionError(version)
        numbers, letter, suffixes, digest, revision, rest = parts.groups()
        first, *later = numbers.split(".")
        out = [b"\x01" + number(first) if first else b"\x00"]
        out += [_digits(part) for part in later]
        if letter:
            out.append(_lettered(letter))
        if suffixes:
            out += [_suffix(name, digits) for name, digits in _SUFFIX.findall(suffixes)]
        if digest:
            out.append(_HASH + digest[1:].encode("ascii") + b"\x00")
        if revision:
            out.append(_REVISION + number(revision[2:]))
        out.append(_rest(rest) if rest else _END)
        return b"".join(out)


def _digits(part: str) -> bytes:
    if not part or part[0] == "0":
        return _DIGITS + b"\x00" + part.encode("ascii") + b"\x00"
    return _DIGITS + b"\x01" + number(part)


def _lettered(text: str) -> bytes:
    head = _LETTER + text[0].encode("ascii")
    if len(text) == 1:
        return head
    return head + b"".join(_digits(part) for part in text[1:].split("."))


def _suffix(name: str, digits: str) -> bytes:
    return _SUFFIXES[name] + (_SUFFIX_NUMBER + number(digits) if digits else b"")


def _rest(text: str) -> bytes:
    return _INVALID if text[0] == "-" else _INVALID + text.encode("utf-8") + b"\x00"
