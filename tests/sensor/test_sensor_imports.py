# SPDX-License-Identifier: Apache-2.0
"""What stays on every node all the time carries nothing of the server: three processes would each pay for it."""

import subprocess
import sys

import pytest

_HEAVY = (
    "sqlalchemy",
    "argon2",
    "joserfc",
    "cel_expr_python",
    "asyncio",
    "httpx",
    "tidegate.identity",
    "tidegate.policy",
)


@pytest.mark.parametrize(
    ("modules", "left_out"),
    [
        ("tidegate.assembly.sensor, tidegate.sensor.guarding", (*_HEAVY, "cryptography", "ssl", "sqlite3")),
        ("tidegate.sensor.attending", _HEAVY),
        ("tidegate.reporting.courier, tidegate.sensor.forensics.sending", ("sqlalchemy", "argon2", "tidegate.policy")),
    ],
    ids=["guard", "attendant", "with a server"],
)
def test_what_a_process_of_the_sensor_imports(modules: str, left_out: tuple[str, ...]) -> None:
    code = f"import sys, {modules}; print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert set(told) & set(left_out) == set()
