# SPDX-License-Identifier: Apache-2.0
"""What tests of this room get: what one run of the command gave, and a key pair in its files."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidegate.signing.keys import SigningKey


@dataclass(frozen=True, slots=True)
class Ran:
    status: int
    out: str
    said: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Ran]


@dataclass(frozen=True, slots=True)
class KeyFiles:
    """One key pair in files: PKCS#8, cosign's form, and the public half."""

    key: SigningKey
    private: Path
    public: Path
    cosign: Path

    @property
    def locked(self) -> str:
        """As the command names the key in cosign's form."""
        return f"{self.cosign}:{self.cosign.with_name('password')}"
