# SPDX-License-Identifier: Apache-2.0
"""`tidegate ledger`: its verbs."""

from tidegate.cli.click_verb import ClickVerbs
from tidegate.cli.ledger_reading import checkpoint, export, prove, show
from tidegate.cli.ledger_rotate import rotate_key
from tidegate.cli.ledger_verify import verify
from tidegate.cli.ledger_witness import witness

command = ClickVerbs(
    "ledger",
    help="Show, prove, copy and verify the append-only log of all statements.",
    examples=(
        ("tidegate ledger checkpoint --output today", "what the log says of itself now, signed: keep it"),
        ("tidegate ledger export /media/audit", "a copy of everything, as files that need no server"),
        ("tidegate ledger verify /media/audit --key VKEY --since today", "what an auditor does with both"),
    ),
)

for _command in (checkpoint, show, prove, export, verify, witness, rotate_key):
    command.add_command(_command)
