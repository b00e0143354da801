# SPDX-License-Identifier: Apache-2.0
"""Reads what registries say of packages, in their own forms and in one of ours.

One file holds one package's document, or one JSON object a line:

* `*.jsonl`: `{"name", "version" ("" or left out for all), "kind", "reason"}` (ours, for every ecosystem)
* PyPI: the simple API's project detail (PEP 691: `files[].yanked`; PEP 792: `project-status`)
* npm: a packument (`versions.*.deprecated`)
* crates.io: an index file (Rust RFC 2141; lines with `vers` and `yanked`)
* NuGet: a registration (`items[].items[].catalogEntry` with `listed` and `deprecation`)
* Packagist: Composer metadata v2 (`packages.*[].abandoned`)
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from tidegate.errors import InvalidInputError
from tidegate.knowledge.package_status import PackageStatus, package_status

_Said = Iterator[tuple[str, str, str, str]]
"""Name, version, kind, reason."""

_GONE: Final = {"archived": "abandoned", "deprecated": "deprecated", "quarantined": "yanked"}
_SOURCE_ENDS: Final = (".tar.gz", ".tar.bz2", ".zip", ".tgz")
_BROKEN: Final = (
    msgspec.DecodeError,
    UnicodeDecodeError,
    RecursionError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)
"""What a document of another shape makes the readers below raise."""
_MAX_PAGES: Final = 10_000


def read_statuses(ecosystem: str, filename: str, data: bytes, *, where: str) -> list[PackageStatus]:
    """Reads one file.

    Args:
        ecosystem: the folder it lies in.
        filename: tells its form by its end, with the ecosystem.
        data: its bytes, bounded by the caller.
        where: for messages.

    Raises:
        InvalidInputError: it is none of the forms of its ecosystem.
    """
    try:
        found = list(_said(ecosystem, filename, data))
    except _BROKEN as error:
        raise InvalidInputError(f"not a registry's document about packages: {error}", where=where) from error
    statuses = (package_status(ecosystem, *one) for one in found)
    return [one for one in statuses if one is not None]


def _said(ecosystem: str, filename: str, data: bytes) -> _Said:
    if filename.endswith(".jsonl"):
        return _ours(_lines(data))
    if ecosystem == "crates.io":
        return _crates(_lines(data))
    read = _DOCUMENTS.get(ecosystem)
    if read is None:
        raise ValueError(f"{ecosystem} has no form of its own here; write a .jsonl")
    document = msgspec.json.decode(data)
    if not isinstance(document, dict):
        raise ValueError("not an object")  # noqa: TRY004 - wrong input, not a wrong call
    return read(document)


def _lines(data: bytes) -> Iterator[dict[str, Any]]:
    decoder = msgspec.json.Decoder(dict[str, Any])
    return (decoder.decode(line) for line in data.splitlines() if line.strip())


def _ours(lines: Iterable[dict[str, Any]]) -> _Said:
    for one in lines:
        yield _text(one["name"]), _text(one.get("version")), _text(one.get("kind")), _text(one.get("reason"))


def _crates(lines: Iterable[dict[str, Any]]) -> _Said:
    for one in lines:
        if one.get("yanked") is True:
            yield _text(one["name"]), _text(one["vers"]), "yanked", ""


def _pypi(document: dict[str, Any]) -> _Said:
    name = _text(document["name"])
    status = document.get("project-status") or {}
    if kind := _GONE.get(_text(status.get("status"))):
        yield name, "", kind, _text(status.get("reason"))
    whole: dict[str, bool] = {}
    reasons: dict[str, str] = {}
    for file in document.get("files") or ():
        version = _version_of(_text(file.get("filename")), name)
        yanked = file.get("yanked") or False
        whole[version] = whole.get(version, True) and bool(yanked)
        reasons.setdefault(version, yanked if isinstance(yanked, str) else "")
    for version, is_yanked in whole.items():
        if version and is_yanked:  # a release is yanked when all its files are (PEP 592)
            yield name, version, "yanked", reasons[version]


def _version_of(filename: str, name: str) -> str:
    """The version of a wheel or source archive; "" when it cannot be told."""
    if filename.endswith(".whl"):
        parts = filename.split("-")
        return parts[1] if len(parts) > 2 else ""  # noqa: PLR2004 - name, version, tags
    for end in _SOURCE_ENDS:
        if filename.endswith(end) and len(filename) > len(name) + 1:
            return filename[len(name) + 1 : -len(end)]
    return ""


def _npm(document: dict[str, Any]) -> _Said:
    name = _text(document["name"])
    for version, about in (document.get("versions") or {}).items():
        said = about.get("deprecated")
        if said:
            yield name, _text(version), "deprecated", _text(said)


def _nuget(document: dict[str, Any]) -> _Said:
    for page in (document.get("items") or ())[:_MAX_PAGES]:
        for item in page.get("items") or ():
            entry = item.get("catalogEntry") or {}
            name, version = _text(entry["id"]), _text(entry["version"])
            if entry.get("listed") is False:
                yield name, version, "yanked", "unlisted"
            if said := entry.get("deprecation"):
                reasons = ", ".join(_text(one) for one in said.get("reasons") or ())
                yield name, version, "deprecated", ": ".join(filter(None, (reasons, _text(said.get("message")))))


def _packagist(document: dict[str, Any]) -> _Said:
    for name, versions in (document.get("packages") or {}).items():
        said = next((one["abandoned"] for one in versions if one.get("abandoned")), None)
        if said:
            yield _text(name), "", "abandoned", f"use {said} instead" if isinstance(said, str) else ""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


_DOCUMENTS: Final[Mapping[str, Callable[[dict[str, Any]], _Said]]] = MappingProxyType(
    {"NuGet": _nuget, "Packagist": _packagist, "PyPI": _pypi, "npm": _npm}
)
