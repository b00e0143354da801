# SPDX-License-Identifier: Apache-2.0
"""What each tool says is in an image, as one kind of set: (package URL type, name, version)."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import unquote

Name: TypeAlias = tuple[str, str, str]

_PURL = re.compile(r"pkg:([^/]+)/(.+?)(?:@([^@?#]*))?(?:[?#].*)?")
_OSV_TYPES = {
    "PyPI": "pypi",
    "npm": "npm",
    "Maven": "maven",
    "Go": "golang",
    "crates.io": "cargo",
    "RubyGems": "gem",
    "Packagist": "composer",
    "NuGet": "nuget",
}
_OF_DISTRIBUTION = frozenset({"deb", "apk", "rpm"})
_UNKNOWN = frozenset({"", "UNKNOWN", "unknown"})


def of_tidegate(report: Path) -> set[Name]:
    """Out of `tidegate scan --format json`."""
    return {name for it in json.loads(report.read_bytes())["components"] if (name := _of_purl(it["purl"]))}


def of_syft(document: Path) -> set[Name]:
    """Out of Syft's own JSON; what it gives no version is left out."""
    return {name for it in json.loads(document.read_bytes())["artifacts"] if (name := _of_purl(it.get("purl", "")))}


def of_osv_scanner(document: Path) -> set[Name]:
    """Out of `osv-scanner --all-packages`, but for distributions' packages: those it names by their source."""
    return set(_osv_names(json.loads(document.read_bytes()).get("results") or []))


def _osv_names(results: list[dict[str, Any]]) -> Iterator[Name]:
    for result in results:
        for entry in result.get("packages") or ():
            package = entry["package"]
            kind = _OSV_TYPES.get(package["ecosystem"].partition(":")[0], "")
            if kind and package["version"] not in _UNKNOWN:
                yield _normal(kind, package["name"].replace(":", "/"), package["version"])


def _of_purl(purl: str) -> Name | None:
    found = _PURL.fullmatch(purl)
    if found is None or (found[3] or "") in _UNKNOWN:
        return None
    kind, name, version = found[1], unquote(found[2]), unquote(found[3])
    return _normal(kind, name.rpartition("/")[2] if kind in _OF_DISTRIBUTION else name, version)


def _normal(kind: str, name: str, version: str) -> Name:
    if kind == "pypi":
        name = re.sub(r"[-_.]+", "-", name).lower()
    if kind == "maven":
        name = name.rpartition("/")[2]  # of archives without a pom, groups are guessed by everybody
    if kind == "golang":
        version = version.removeprefix("v").removeprefix("go")
    return kind, name, version
