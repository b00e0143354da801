# SPDX-License-Identifier: Apache-2.0
"""Secrets in the documentation of a distribution's packages: examples that were published with it, to be told apart."""

from collections.abc import Sequence
from typing import Final

from tidegate.evidence import SaidIn, SuppressedSecret, Word
from tidegate.inventory import LocatedSecret

DOCUMENTATION: Final = (
    *("usr/share/doc/", "usr/share/man/", "usr/share/info/", "usr/share/help/", "usr/share/gtk-doc/"),
    *("usr/share/doc-base/", "usr/share/gnome/help/", "usr/share/devhelp/"),
)
"""Folders in which distributions put what is to be read (FHS 3.0, section 4.11)."""


def without_documentation(
    secrets: Sequence[LocatedSecret],
) -> tuple[tuple[LocatedSecret, ...], tuple[SuppressedSecret, ...]]:
    """Secrets that count, and those of files of documentation that lie there as a distribution's package brought them.

    A file that nobody owns counts wherever it lies, and so does one that was changed.
    """
    counting: list[LocatedSecret] = []
    shown: list[SuppressedSecret] = []
    for one in secrets:
        if one.package is not None and one.secret.path.startswith(DOCUMENTATION):
            shown.append(SuppressedSecret(secret=one, by=_word(one, str(one.package))))
        else:
            counting.append(one)
    return tuple(counting), tuple(shown)


def _word(one: LocatedSecret, package: str) -> Word:
    return Word(
        said_in=SaidIn.DISTRIBUTION,
        source=package,
        id=one.secret.fingerprint,
        status="published",
        reason="an example in the package's documentation, as its distribution published it",
    )
