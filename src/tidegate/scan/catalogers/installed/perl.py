# SPDX-License-Identifier: Apache-2.0
"""Installed Perl distributions: what cpanm leaves in `.meta/NAME-VERSION/MYMETA.json` (CPAN::Meta::Spec 2)."""

from typing import Final

from tidegate.bounds import MIB
from tidegate.inventory import FileFacts, Package, PackageKind, Version
from tidegate.scan.cataloger import ImageFile, Wants
from tidegate.scan.catalogers.harvest import Harvest
from tidegate.scan.catalogers.installed.documents import json_object, list_of, note, notes, text_of

MAX_META_BYTES: Final = 4 * MIB

_META: Final = "MYMETA.json"
_UNKNOWN: Final = frozenset({"unknown", "open_source", "restricted", "unrestricted"})
"""Words of the specification that name no licence."""


class PerlCataloger:
    """Reads cpanm's record of installed distributions."""

    name = "perl"
    version = 1
    wants = Wants(names=frozenset({_META}), max_bytes=MAX_META_BYTES)

    def accepts(self, path: str) -> bool:
        """True in a folder `.meta`; one among a distribution's sources is passed over."""
        return path.endswith(f"/{_META}") and ("/.meta/" in path or path.startswith(".meta/"))

    def catalog(self, file: ImageFile) -> FileFacts:
        """Reads one distribution.

        Raises:
            InvalidInputError: it is not JSON, or has no name or version.
        """
        harvest = Harvest(path=file.path, cataloger=self.name)
        meta = json_object(file.content, where=file.path)
        version = meta.get("version")
        stated = [one for one in list_of(meta.get("license")) if text_of(one) not in _UNKNOWN]
        harvest.add(
            Package(
                kind=PackageKind.CPAN,
                name=text_of(meta.get("name")),
                version=Version(str(version) if isinstance(version, int | float) else text_of(version)),
                licenses=notes(stated),
                supplier=note(next(iter(list_of(meta.get("author"))), "")),
            )
        )
        return harvest.facts()
