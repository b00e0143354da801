# SPDX-License-Identifier: Apache-2.0
"""Quantities: Kubernetes' own forms, exactly."""

from fractions import Fraction

import pytest

from tidegate.errors import InvalidInputError
from tidegate.execution.quantity import parse_quantity


@pytest.mark.parametrize(
    ("written", "value"),
    [
        *(("1", 1), (2, 2), (0.5, Fraction(1, 2)), ("500m", Fraction(1, 2)), ("1.5", Fraction(3, 2)), (".5", 0.5)),
        *(("128974848", 128974848), ("129e6", 129_000_000), ("129M", 129_000_000), ("128974848000m", 128974848)),
        *(("123Mi", 123 << 20), ("2Ki", 2048), ("1Ei", 1 << 60), ("1E", 10**18), ("3.", 3), ("+4k", 4000)),
        *(("-1", -1), ("1E3", 1000), ("1e-3", Fraction(1, 1000)), ("7u", Fraction(7, 10**6))),
    ],
)
def test_a_quantity_is_read_exactly(written: str | float, value: float | Fraction) -> None:
    assert parse_quantity(written) == value


@pytest.mark.parametrize(
    "written", ["", "m", "1 Gi", "1GiB", "1K", "0x10", "1e", "--1", "1.2.3", "٣", "1" * 65, "1e999"]
)
def test_anything_else_is_refused(written: str) -> None:
    with pytest.raises(InvalidInputError, match="no quantity"):
        parse_quantity(written)
