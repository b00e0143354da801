# SPDX-License-Identifier: Apache-2.0
"""What clients are told beside a manifest that is served: `Warning: 299` (OCI distribution-spec 1.1, RFC 7234)."""

from email.utils import format_datetime
from typing import Final

from tidegate.bounds import printable
from tidegate.clock import parse_rfc3339
from tidegate.curation.shelf import Served
from tidegate.curation.standing import Standing

PLATFORMS_HEADER: Final = "Tidegate-Withheld-Platforms"
WOULD_REFUSE_HEADER: Final = "Tidegate-Would-Refuse"
_MAX_CHARS: Final = 400


def told_beside(served: Served) -> dict[str, str]:
    """Headers for what a consumer should know: it would be refused, it is deprecated, some of its images are withheld.

    Deprecation as RFC 9745 has it, and the day it is to be gone as RFC 8594 does (`Sunset`).
    """
    told, warnings = dict[str, str](), []
    if served.objection is not None:
        reason = plain(f"{served.objection.state}: {served.objection.reason}")
        told[WOULD_REFUSE_HEADER] = reason
        warnings.append(f"this image would be refused: {reason}")
    if served.standing is not None:
        told |= _deprecation(served.standing)
        warnings.append(_deprecated(served.standing))
    if served.withheld_platforms:
        listed = ", ".join(f"{platform} ({state})" for platform, state in served.withheld_platforms.items())
        told[PLATFORMS_HEADER] = plain(listed)
        warnings.append(f"withheld: {listed}")
    if warnings:
        told["Warning"] = ", ".join(warning(text) for text in warnings)
    return told


def _deprecation(said: Standing) -> dict[str, str]:
    told = {"Deprecation": f"@{int(parse_rfc3339(said.since).timestamp())}"}
    if said.sunset:
        told["Sunset"] = format_datetime(parse_rfc3339(said.sunset), usegmt=True)
    return told


def _deprecated(said: Standing) -> str:
    until = f", to be gone on {said.sunset[:10]}" if said.sunset else ""
    instead = f"; use {said.replacement}" if said.replacement else ""
    return f"this image is deprecated{until}: {said.why}{instead}"


def warning(text: str) -> str:
    """One warning in the form the distribution specification asks for."""
    quoted = plain(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'299 - "{quoted}"'


def plain(text: str) -> str:
    """Printable ASCII, as header values must be."""
    shown = printable(text).encode("ascii", "replace").decode("ascii").replace("\n", " ")
    return shown if len(shown) <= _MAX_CHARS else shown[: _MAX_CHARS - 3] + "..."
