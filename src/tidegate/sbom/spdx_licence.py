# SPDX-License-Identifier: Apache-2.0
"""Licences as packages write them, as one SPDX expression (SPDX 2.3, Annex D), strange ones under a reference."""

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from tidegate.sbom.licence import known_id, stands_as_expression
from tidegate.sbom.marks import fit

NOASSERTION: Final = "NOASSERTION"
_REFERENCE: Final = re.compile(r"LicenseRef-[A-Za-z0-9.-]+")
_NOT_SLUG: Final = re.compile(r"[^A-Za-z0-9.]+")
_SLUG_CHARS: Final = 40


def declared(statements: Sequence[str]) -> tuple[str, dict[str, str]]:
    """All statements as one expression, and what each `LicenseRef-` in it stands for.

    Statements that are no expressions of known licences get a reference made from their own text.
    """
    written = list(dict.fromkeys(text for statement in statements if (text := statement.strip())))
    if not written:
        return NOASSERTION, {}
    parts, references = [], {}
    for text in written:
        part, found = _part(text)
        references.update(found)
        parts.append(f"({part})" if " " in part and len(written) > 1 else part)
    return " AND ".join(parts), references


@lru_cache(maxsize=2048)
def _part(text: str) -> tuple[str, dict[str, str]]:
    if known := known_id(text):
        return known, {}
    references = _REFERENCE.findall(text)
    if stands_as_expression(_REFERENCE.sub("MIT", text)):
        from license_expression import get_spdx_licensing

        return str(get_spdx_licensing().parse(text)), dict.fromkeys(references, "named in an expression, without text")
    slug = _NOT_SLUG.sub("-", text)[:_SLUG_CHARS].strip("-.")
    reference = f"LicenseRef-{slug}-{hashlib.sha256(text.encode()).hexdigest()[:8]}".replace("--", "-")
    return reference, {reference: fit(text)}
