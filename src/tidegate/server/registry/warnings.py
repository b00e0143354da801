# SPDX-License-Identifier: Apache-2.0
"""What clients are told beside a manifest that is served: `Warning: 299` (OCI distribution-spec 1.1, RFC 7234)."""

from typing import Final

from tidegate.bounds import printable
from tidegate.curation.shelf import WithheldError

WOULD_REFUSE_HEADER: Final = "Tidegate-Would-Refuse"
_MAX_CHARS: Final = 400


def would_refuse(objection: WithheldError) -> dict[str, str]:
    """Headers that say a manifest is served in observe mode only."""
    reason = plain(f"{objection.state}: {objection.reason}")
    return {
        WOULD_REFUSE_HEADER: reason,
        "Warning": warning(f"this image would be refused: {reason}"),
    }


def warning(text: str) -> str:
    """One warning in the form the distribution specification asks for."""
    quoted = plain(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'299 - "{quoted}"'


def plain(text: str) -> str:
    """Printable ASCII, as header values must be."""
    shown = printable(text).encode("ascii", "replace").decode("ascii").replace("\n", " ")
    return shown if len(shown) <= _MAX_CHARS else shown[: _MAX_CHARS - 3] + "..."
