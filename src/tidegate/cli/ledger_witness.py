# SPDX-License-Identifier: Apache-2.0
"""`tidegate ledger witness`."""

import sys
from pathlib import Path

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import verb


@verb(
    "witness",
    examples=(
        (
            "tidegate ledger witness --name witness.example/w1 --logs logs.policy --port 8422",
            "watch the logs named there",
        ),
        (
            "tidegate --home /srv/witness ledger witness --name witness.example/w1 --logs logs.policy",
            "in its own folder",
        ),
    ),
)
@click.option("--name", required=True, metavar="NAME", help="Its name in cosignatures, such as witness.example/w1.")
@click.option(
    "--logs",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="C2SP tlog-policy file: a `log <vkey>` line for each log, and `quorum none`.",
)
@click.option("--host", help="Address to listen on. [127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on; 0 takes a free one. [8421]")
def witness(call: Call, *, name: str, logs: Path, host: str | None, port: int | None) -> int:
    """Be a witness of others' logs: cosign their checkpoints as long as they only ever add.

    A log sends its newest checkpoint with a proof that it starts with the one cosigned before (C2SP tlog-witness,
    `POST /add-checkpoint`). One that was rolled back, forked, or is signed by a key that is not in FILE is refused.
    What was cosigned is on the disk before the answer, so nothing that happens to this process makes it say yes to
    two histories. Run it where whoever runs the log cannot touch it.
    """
    settings = call.settings(server__host=host, server__port=port)
    from tidegate.server.witness import run_witness

    def ready(address: str, key: str) -> None:
        # Two lines, for scripts; the second goes into the policies of logs and auditors.
        sys.stdout.write(f"tidegate witnesses at {address} \n{key}\n")
        sys.stdout.flush()
        call.note(f"what it remembers lies in {settings.home}; logs name it so: witness NAME {key} {address}")

    run_witness(settings, name=name, logs=logs, ready=ready)
    return 0
