# SPDX-License-Identifier: Apache-2.0
"""Asking witnesses to cosign our checkpoint (C2SP tlog-witness, as a client)."""

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from tidegate.bounds import KIB
from tidegate.errors import OutsideError, TidegateError
from tidegate.ledger.add_checkpoint import AddCheckpoint, read_size
from tidegate.ledger.checkpoint import Checkpoint
from tidegate.ledger.note import open_note, split_note
from tidegate.ledger.policy import LogPolicy, Witness
from tidegate.ledger.prover import Prover
from tidegate.ledger.stored import StoredTiles
from tidegate.outbound import Outbound
from tidegate.storage.database import Database

_log = logging.getLogger(__name__)
_AT_ONCE: Final = 8
_TRIES: Final = 3
_MAX_ANSWER_BYTES: Final = 64 * KIB
_OK: Final = 200
_CONFLICT: Final = 409


class Witnessing:
    """Asks the witnesses of a policy, all at once.

    Args:
        database: with the log, for proofs.
        outbound: makes the calls.
        policy: names the witnesses; those without a URL are not asked.
    """

    def __init__(self, database: Database, outbound: Outbound, policy: LogPolicy) -> None:
        self._database = database
        self._outbound = outbound
        self._witnesses = tuple(witness for witness in policy.witnesses.values() if witness.url)
        self._seen: dict[str, int] = {}  # the size each cosigned last, as far as we know

    def close(self) -> None:
        """Closes every connection."""
        self._outbound.close()

    def cosignatures(self, checkpoint: Checkpoint, note: str) -> Mapping[str, str]:
        """Asks for them; a witness that refuses or does not answer is told of in the log, and left out.

        Returns:
            Signature lines by the witness's name in the policy, each verified.
        """
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="witness") as pool:
            lines = pool.map(lambda witness: self._line(witness, checkpoint, note), self._witnesses)
            return {witness.name: line for witness, line in zip(self._witnesses, lines, strict=True) if line}

    def _line(self, witness: Witness, checkpoint: Checkpoint, note: str) -> str:
        try:
            return self._ask(witness, checkpoint, note)
        except TidegateError as error:
            _log.warning("witness %s did not cosign the checkpoint of %d: %s", witness.name, checkpoint.size, error)
            return ""

    def _ask(self, witness: Witness, checkpoint: Checkpoint, note: str) -> str:
        for _ in range(_TRIES):
            old = self._seen.get(witness.name, 0)
            if old > checkpoint.size:
                raise OutsideError(
                    f"it has cosigned a tree of {old} before, and this one has {checkpoint.size}",
                    where=witness.url,
                    remedy="if the ledger was restored from a backup, restore a newer one",
                )
            body = AddCheckpoint(old_size=old, proof=self._proof(old, checkpoint.size), note=note).to_body()
            reply = self._outbound.request(
                "POST",
                f"{witness.url.rstrip('/')}/add-checkpoint",
                headers={"Content-Type": "text/plain; charset=utf-8"},
                body=body,
                max_bytes=_MAX_ANSWER_BYTES,
                retry=False,
                follow=False,
            )
            if reply.status == _OK:
                line = _cosignature(witness, note, reply.body)
                self._seen[witness.name] = checkpoint.size
                return line
            if reply.status != _CONFLICT:
                said = reply.body[:200].decode("utf-8", "replace").strip()
                raise OutsideError(f"it answered {reply.status}: {said}", where=witness.url)
            known = read_size(reply.body)
            if known == old:
                raise OutsideError(f"it has cosigned another tree of {known}: a fork", where=witness.url)
            self._seen[witness.name] = known
        raise OutsideError("it kept changing its mind about what it cosigned last", where=witness.url)

    def _proof(self, old: int, new: int) -> Sequence[bytes]:
        with self._database.read() as connection:
            return Prover(StoredTiles(connection)).consistency(old, new)


def _cosignature(witness: Witness, note: str, answer: bytes) -> str:
    """The line of an answer that is by the witness and holds for our checkpoint.

    Raises:
        OutsideError: there is none.
        InvalidInputError: the answer is no list of signature lines.
        RefusedError: one by the witness does not hold.
    """
    text = split_note(note)[0]
    for line in filter(None, answer.decode("utf-8", "replace").split("\n")):
        if open_note(f"{text}\n{line}\n", (witness.key,), where=witness.url)[1]:
            return f"{line}\n"
    raise OutsideError("its answer has no cosignature by the key it is known by", where=witness.url)
