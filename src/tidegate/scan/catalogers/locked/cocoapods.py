# SPDX-License-Identifier: Apache-2.0
"""`Podfile.lock` of CocoaPods: a pod with its parts (`Pod/Part`) is one; those of a path are one's own."""

import re
from typing import Final

from tidegate.errors import InvalidInputError
from tidegate.inventory import PackageKind
from tidegate.scan.cataloger import ReadBeside
from tidegate.scan.catalogers.locked.form import MAX_TREE_BYTES, LockedForm, named
from tidegate.scan.catalogers.locked.gathering import Gathering
from tidegate.scan.catalogers.locked.tables import items, table, text
from tidegate.scan.catalogers.locked.yaml_form import read_yaml

_POD: Final = re.compile(r"([^\s()]+) \(([^\s()]+)\)")


def read_podfile_lock(gathering: Gathering, _beside: ReadBeside) -> None:
    """Reads `PODS`.

    Raises:
        InvalidInputError: it is no lock file of CocoaPods.
    """
    document = table(next(iter(read_yaml(gathering.content, where=gathering.path)), None))
    if "PODS" not in document:
        raise InvalidInputError("no lock file of CocoaPods", where=gathering.path)
    sources, checkouts = table(document.get("EXTERNAL SOURCES")), table(document.get("CHECKOUT OPTIONS"))
    for it in items(document["PODS"]):
        written = next(iter(it), "") if isinstance(it, dict) else text(it)
        found = _POD.fullmatch(written)
        if found is None:
            gathering.defect(f"not a pod: {written[:80]}")
            continue
        name = found[1].partition("/")[0]
        source = {**table(sources.get(name)), **table(checkouts.get(name))}
        if ":path" not in source:
            url, commit = text(source.get(":git")), text(source.get(":commit"))
            vcs = {"vcs_url": f"git+{url}@{commit}".rstrip("@")} if url else {}
            gathering.add(PackageKind.COCOAPODS, name, found[2], qualifiers=vcs)


PODFILE_LOCK: Final = LockedForm(
    name="podfile-lock", wants=named("Podfile.lock", max_bytes=MAX_TREE_BYTES), read=read_podfile_lock
)
