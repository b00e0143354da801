# SPDX-License-Identifier: Apache-2.0
"""Hands one file to the catalogers that want it; whatever they raise becomes an outcome, never the end of the scan."""

from typing import Final, TypeAlias

from tidegate.bounds import printable
from tidegate.errors import TidegateError
from tidegate.inventory import FileFacts, Outcome, OutcomeStatus
from tidegate.scan.cataloger import Cataloger, ImageFile, PartialError
from tidegate.scan.dispatch import Takers

Found: TypeAlias = tuple[list[FileFacts], list[Outcome]]

_REASON_CHARS: Final = 500


def catalog(takers: Takers, path: str, content: bytes) -> Found:
    """Runs catalogers over one file.

    Returns:
        One `FileFacts` for each cataloger, an empty one when it failed: that the file is there must be known, because
        it stands over the same path in the layers below.
    """
    file = ImageFile(path=path, content=content)
    facts: list[FileFacts] = []
    outcomes: list[Outcome] = []
    for cataloger in takers:
        found, outcome = _run(cataloger, file)
        facts.append(found)
        if outcome is not None:
            outcomes.append(outcome)
    return facts, outcomes


def too_large(takers: Takers, path: str, size: int) -> Found:
    """What is left of a file that no cataloger may take for its size in bytes."""
    facts = [FileFacts(path=path, cataloger=cataloger.name) for cataloger in takers]
    outcomes = [
        failed(cataloger.name, path, f"{size} bytes, over the limit max_bytes = {cataloger.wants.max_bytes}")
        for cataloger in takers
    ]
    return facts, outcomes


def failed(plugin: str, path: str, reason: str) -> Outcome:
    """An outcome for a file that could not be read at all."""
    return Outcome(plugin=plugin, status=OutcomeStatus.FAILED, location=path, reason=printable(reason[:_REASON_CHARS]))


def broken(plugin: str, path: str, error: Exception) -> Outcome:
    """An outcome for what a plug-in raised over a file."""
    return failed(plugin, path, error.what if isinstance(error, TidegateError) else f"{type(error).__name__}: {error}")


def _run(cataloger: Cataloger, file: ImageFile) -> tuple[FileFacts, Outcome | None]:
    nothing = FileFacts(path=file.path, cataloger=cataloger.name)
    try:
        return cataloger.catalog(file), None
    except PartialError as error:
        reason = printable(error.reason[:_REASON_CHARS])
        status = OutcomeStatus.PARTIAL
        return error.facts, Outcome(plugin=cataloger.name, status=status, location=file.path, reason=reason)
    except Exception as error:  # noqa: BLE001 - one broken plug-in must not hide what all the others find
        return nothing, broken(cataloger.name, file.path, error)
