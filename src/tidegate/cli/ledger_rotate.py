# SPDX-License-Identifier: Apache-2.0
"""`tidegate ledger rotate-key`."""

from datetime import timedelta

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import verb
from tidegate.cli.output import Output, output_options


@verb(
    "rotate-key",
    examples=(
        ("tidegate ledger rotate-key", "every year; witnesses and auditors have a month to take the new one up"),
        ("tidegate ledger rotate-key --overlap-days 0", "the old one leaked: it signs nothing more"),
    ),
)
@click.option(
    "--overlap-days",
    type=click.FloatRange(0, 366),
    default=30,
    show_default=True,
    help="How long the key of before signs beside.",
)
@output_options("table", "json")
def rotate_key(call: Call, *, overlap_days: float, output: Output) -> int:
    """Sign checkpoints with a new key from now on; the one of before signs a handover, and signs beside until it ends.

    The origin stays, and the log goes on. `ledger verify` follows handovers from a key that is believed; witnesses are
    told the new one as another `log` line of their file. A running server takes it up at its next start; replicas that
    share no key file are given the files beside signing.ledger_key_file.
    """
    from tidegate.assembly.local_ledger import open_local_ledger
    from tidegate.clock import rfc3339

    with open_local_ledger(call.settings()) as local:
        signer, handover = local.rotate_key(timedelta(days=overlap_days))
    told = {
        "origin": signer.name,
        "key": str(handover.new),
        "replaces": str(handover.old),
        "until": rfc3339(handover.until),
        "size": handover.tree.size,
    }
    if output.form == "json":
        output.write_json(told)
    else:
        output.write_text("".join(f"{name:<9} {value}\n" for name, value in told.items()))
    call.note("start servers anew, and tell witnesses and auditors the new key")
    return 0
