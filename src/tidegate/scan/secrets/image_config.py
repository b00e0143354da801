# SPDX-License-Identifier: Apache-2.0
"""Secrets in an image's configuration: environment, labels, start command, and what each build step was told."""

from collections.abc import Iterator, Sequence
from typing import Final, Protocol

from tidegate.artifact import ImageConfig
from tidegate.bounds import KIB
from tidegate.inventory import SecretFact
from tidegate.values import replace

PLACE: Final = "image-config"
"""`SecretFact.place` of what is found here."""
MAX_PARTS: Final = 20_000
"""Variables, labels and steps that are looked at one by one; the whole document is looked at in any case."""

_NAME_CHARS: Final = KIB
_GUESSED: Final = "generic-"


class BatchScanner(Protocol):
    """What looks for secrets in texts."""

    def scan_batch(self, files: Sequence[tuple[str, bytes | memoryview]]) -> list[SecretFact]:
        """Looks through texts, given as path and content."""
        ...


def secrets_in_config(config: ImageConfig, config_bytes: bytes, scanner: BatchScanner) -> list[SecretFact]:
    """The secrets in a configuration, each told once, at the most telling place.

    Args:
        config: the configuration, read.
        config_bytes: the same verbatim, for what `config` does not hold.
        scanner: looks for secrets.

    Returns:
        Facts with paths `env:NAME`, `label:NAME`, `history:N` (from 1), `entrypoint`, `cmd`, `config`.
    """
    parts = [part for part, _ in zip(_parts(config), range(MAX_PARTS), strict=False)]
    found = scanner.scan_batch([(path, text.encode(errors="surrogateescape")) for path, text in parts])
    told = {fact.fingerprint for fact in found}
    guessed = {fact.redacted for fact in found if fact.rule.startswith(_GUESSED)}  # JSON may have escaped them
    whole = [
        fact
        for fact in scanner.scan_batch([("config", config_bytes)])
        if fact.fingerprint not in told and not (fact.rule.startswith(_GUESSED) and fact.redacted in guessed)
    ]
    kept: dict[str, SecretFact] = {}
    for fact in (*found, *whole):
        kept.setdefault(fact.fingerprint, replace(fact, place=PLACE))
    return list(kept.values())


def _parts(config: ImageConfig) -> Iterator[tuple[str, str]]:
    for variable in config.env:
        yield f"env:{variable.partition('=')[0][:_NAME_CHARS]}", f"{variable}\n"
    for name, value in sorted(config.labels.items()):
        yield f"label:{name[:_NAME_CHARS]}", f"{name}={value}\n"
    for number, step in enumerate(config.history, 1):
        yield f"history:{number}", f"{step.created_by}\n{step.comment}\n"
    yield "entrypoint", " ".join(config.entrypoint)
    yield "cmd", " ".join(config.cmd)
