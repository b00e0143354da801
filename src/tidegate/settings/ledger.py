# SPDX-License-Identifier: Apache-2.0
"""Settings of the append-only log, and of a witness of others' logs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tidegate.settings.leaf import Leaf


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerSettings:
    """What the log is called, who may read it, and who watches it."""

    origin: Annotated[
        str,
        Leaf(
            meaning="The log's name in checkpoints, best its address without scheme (`registry.example/ledger`); part "
            "of what its key is known by, so never change it."
        ),
    ] = "tidegate/ledger"
    public: Annotated[
        bool, Leaf(meaning="Let anybody read checkpoint, tiles, entries and statements under `/ledger/`.")
    ] = False
    policy_file: Annotated[
        Path | None,
        Leaf(
            meaning="C2SP tlog-policy file: the witnesses that are asked to cosign checkpoints, and how many must; "
            "empty asks nobody."
        ),
    ] = None
    publish_every_s: Annotated[
        float, Leaf(meaning="Seconds between two checkpoints that witnesses are asked for.", low=0.1, high=86400)
    ] = 5.0
    witness_key_file: Annotated[
        Path,
        Leaf(
            meaning="Key that `tidegate ledger witness` cosigns others' checkpoints with; made on first use.",
            under_home="keys/witness.key",
        ),
    ]
