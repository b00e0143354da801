# SPDX-License-Identifier: Apache-2.0
"""One detector for all tests of this folder: it is compiled once."""

import pytest

from tidegate.scan.secrets.detector import SecretDetector


@pytest.fixture(scope="session")
def detector() -> SecretDetector:
    return SecretDetector()
