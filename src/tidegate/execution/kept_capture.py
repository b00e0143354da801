# SPDX-License-Identifier: Apache-2.0
"""A capture as the server has it on record: what whoever sends or asks for one is told, with no need of its tables."""

from tidegate.artifact import Digest
from tidegate.execution.capture import Capture
from tidegate.values import Struct


class KeptCapture(Struct, frozen=True, kw_only=True):
    """A capture on record.

    Attributes:
        digest: names it; of its manifest.
        archive: of the file it lies in, `size` bytes long.
        statement: the signed statement in the ledger that seals it.
        gone_at: when its file was let go of; "" while it is here. The record and the seal stay.
    """

    digest: Digest
    archive: Digest
    size: int
    kept_at: str
    kept_by: str
    keep_until: str
    statement: Digest
    overview: Capture
    gone_at: str = ""
    gone_why: str = ""
