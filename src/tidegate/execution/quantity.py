# SPDX-License-Identifier: Apache-2.0
"""Kubernetes' quantities (`500m`, `2Gi`, `1e3`) as exact numbers.

Follows https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/.
"""

import re
from fractions import Fraction
from typing import Final

from tidegate.errors import InvalidInputError

_FORM: Final = re.compile(r"([+-]?)([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,2}|[numkMGTPE]|[KMGTPE]i|)")
_DECIMAL: Final = {
    name: Fraction(10) ** power for name, power in zip("numkMGTPE", (-9, -6, -3, 3, 6, 9, 12, 15, 18), strict=True)
}
_BINARY: Final = {f"{name}i": Fraction(1024) ** power for power, name in enumerate("KMGTPE", start=1)}
_MAX_CHARS: Final = 64


def parse_quantity(written: str | float) -> Fraction:
    """Reads a quantity: text, or a number as YAML has it.

    Raises:
        InvalidInputError: it is none.
    """
    text = written if isinstance(written, str) else repr(written)
    found = _FORM.fullmatch(text) if len(text) <= _MAX_CHARS else None
    if not found:
        raise InvalidInputError(f"no quantity: {text[:40]!r}", remedy="write it like 500m, 1 or 2Gi")
    sign, digits, suffix = found.groups()
    number = Fraction("0" + digits if digits[0] == "." else digits.rstrip("."))
    if suffix[:1] in {"e", "E"} and suffix[1:] not in {"", "i"}:
        number *= Fraction(10) ** int(suffix[1:])
    elif suffix:
        number *= _DECIMAL.get(suffix) or _BINARY[suffix]
    return -number if sign == "-" else number
