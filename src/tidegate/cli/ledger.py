# SPDX-License-Identifier: Apache-2.0
"""`tidegate ledger`: its verbs, one file each."""

from tidegate.cli.click_verb import ClickVerbs
from tidegate.cli.ledger_witness import witness

command = ClickVerbs(
    "ledger",
    help="Watch the append-only log of all statements.",
    examples=(
        ("tidegate ledger witness --name witness.example/w1 --logs logs.policy", "be a witness of others' logs"),
    ),
)

for _command in (witness,):
    command.add_command(_command)
