# SPDX-License-Identifier: Apache-2.0
"""What is known beside advisories: exploited flaws (CISA KEV), likelihoods (FIRST EPSS), products, packages' states."""

import csv
import io
import re
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec
from isal import isal_zlib

from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.knowledge.limits import KnowledgeLimits
from tidegate.knowledge.package_status import PackageStatus
from tidegate.knowledge.products import Products, is_day
from tidegate.values import Struct
from tidegate.wire import from_json

_SCORED_AT: Final = re.compile(r"score_date:([0-9T:+-]+)")
_CVE_CHARACTERS: Final = 32
_GZIP: Final = 31
_BROKEN: type[Exception] = isal_zlib.error  # type: ignore[assignment]  # the stub says instance
_EPSS_COLUMNS: Final = 3


class Exploited(NamedTuple):
    """An entry of the KEV catalogue; days as `2024-05-01`."""

    added: str
    due: str
    ransomware: bool


class Likelihood(NamedTuple):
    """EPSS: probability of exploitation in the next 30 days, and the share of CVEs with a lower one; both 0 to 1."""

    probability: float
    percentile: float


class Context(Struct, frozen=True, kw_only=True):
    """All of it; `moments` are the RFC 3339 moments the parts were made at."""

    exploited: Mapping[str, Exploited]
    likelihoods: Mapping[str, Likelihood]
    products: Products
    statuses: tuple[PackageStatus, ...]
    moments: tuple[str, ...]


def read_exploited(data: bytes, limits: KnowledgeLimits, *, where: str) -> tuple[dict[str, Exploited], str]:
    """Reads CISA's catalogue (known_exploited_vulnerabilities_schema.json) and the moment of its release.

    Raises:
        InvalidInputError: it is not that document.
    """
    catalogue = from_json(data, _Catalogue, what=where, max_bytes=limits.max_document_bytes)
    found = {
        one.cve: Exploited(one.added, one.due if is_day(one.due) else one.added, one.ransomware.lower() == "known")
        for one in catalogue.vulnerabilities
        if is_day(one.added)
    }
    return found, catalogue.released


def read_likelihoods(data: bytes, limits: KnowledgeLimits, *, where: str) -> tuple[dict[str, Likelihood], str]:
    """Reads FIRST's CSV, gzipped or plain, and the moment of its scores.

    Raises:
        InvalidInputError: it is not that document.
        BoundExceededError: it is larger than the limits allow.
    """
    text = _unzipped(data, limits, where).decode("ascii", "replace")
    scored = _SCORED_AT.search(text, 0, 500)
    lines = (line for line in io.StringIO(text) if not line.startswith("#"))
    found: dict[str, Likelihood] = {}
    try:
        for row in csv.reader(lines):
            if row and row[0].startswith("CVE-") and len(row[0]) <= _CVE_CHARACTERS and len(row) >= _EPSS_COLUMNS:
                found[row[0]] = Likelihood(_share(row[1]), _share(row[2]))
    except (csv.Error, ValueError) as error:
        raise InvalidInputError(f"not EPSS scores: {error}", where=where) from error
    if not found:
        raise InvalidInputError("not EPSS scores: no line names a CVE", where=where)
    return found, scored[1] if scored else ""


def _share(text: str) -> float:
    share = float(text)
    if not 0 <= share <= 1:
        raise ValueError(f"{text[:40]} is not between 0 and 1")
    return share


def _unzipped(data: bytes, limits: KnowledgeLimits, where: str) -> bytes:
    if data[:2] != b"\x1f\x8b":
        return data
    inflater = isal_zlib.decompressobj(_GZIP)
    try:
        text: bytes = inflater.decompress(data, limits.max_document_bytes + 1)
    except _BROKEN as error:
        raise InvalidInputError(f"broken gzip: {error}", where=where) from error
    if len(text) > limits.max_document_bytes:
        raise BoundExceededError("max_document_bytes", limits.max_document_bytes, where=where)
    if not inflater.eof:
        raise InvalidInputError("broken gzip: cut off", where=where)
    return text


class _Vulnerability(msgspec.Struct):
    cve: str = msgspec.field(name="cveID")
    added: str = msgspec.field(name="dateAdded")
    due: str = msgspec.field(name="dueDate", default="")
    ransomware: str = msgspec.field(name="knownRansomwareCampaignUse", default="")


class _Catalogue(msgspec.Struct):
    vulnerabilities: list[_Vulnerability]
    released: str = msgspec.field(name="dateReleased", default="")
