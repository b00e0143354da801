# SPDX-License-Identifier: Apache-2.0
"""Verdicts as a server would sign them, without one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from tidegate.artifact import Digest
from tidegate.clock import system_clock
from tidegate.evidence import Reason, Verdict
from tidegate.execution.verdicts.folder import Position, VerdictFolder
from tidegate.execution.verdicts.verdict import (
    MAX_BATCH,
    ImageVerdict,
    PolicyTexts,
    VerdictBatch,
    policies_statement,
    to_statement,
)
from tidegate.policy.profile import profile_text
from tidegate.signing.envelope import sign
from tidegate.signing.keys import SigningKey

REFUSAL = Reason(rule="test", verdict=Verdict.DENY, message="it has flaws", fix="mend it")


def digest_of(name: str) -> Digest:
    """The digest that images of a name have here."""
    return Digest.of(name.encode())


def image_verdict(name: str, *, hours: float = 1, **more: Any) -> ImageVerdict:
    """A verdict over the image that `name` means; admitted unless `more` says otherwise."""
    return ImageVerdict(
        **{
            "digest": digest_of(name),
            "verdict": Verdict.ALLOW,
            "expires_at": system_clock() + timedelta(hours=hours),
            "user": "10001",
            "names": (name,),
            **more,
        }
    )


def refused_verdict(name: str, **more: Any) -> ImageVerdict:
    """A verdict that denies."""
    return image_verdict(name, verdict=Verdict.DENY, reasons=(REFUSAL,), **more)


@dataclass(kw_only=True)
class Issuer:
    """Signs as a server does."""

    key: SigningKey = field(default_factory=SigningKey.generate)
    files: Mapping[str, str] = field(default_factory=lambda: {"default": profile_text("default")})

    def texts(self) -> PolicyTexts:
        return PolicyTexts(files=dict(self.files), made_at=system_clock())

    def policies(self) -> bytes:
        return sign(policies_statement(self.texts()), self.key).content

    def batch(self, verdicts: Iterable[ImageVerdict], *, offset: int = 1) -> bytes:
        made = VerdictBatch(offset=offset, made_at=system_clock(), policy=self.texts().digest, verdicts=tuple(verdicts))
        return sign(to_statement(made), self.key).content

    def save_public(self, path: Path) -> Path:
        """Writes the key whose verdicts count."""
        path.write_bytes(self.key.verifying.to_pem())
        return path

    def fill(self, folder: Path, verdicts: Iterable[ImageVerdict], *, offset: int = 1) -> None:
        """Writes verdicts into a webhook's folder, as it keeps them itself."""
        kept = VerdictFolder(folder / "verdicts")
        every = list(verdicts)
        for first in range(0, len(every), MAX_BATCH):
            kept.add(self.batch(every[first : first + MAX_BATCH], offset=offset))
        kept.policies = self.policies()
        kept.position = Position(offset=offset, settled="made")
