# SPDX-License-Identifier: Apache-2.0
"""`tidegate update apply`."""

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import verb
from tidegate.cli.server_option import server_option
from tidegate.cli.update_record import UPDATE


@verb(
    "apply",
    examples=(
        ("tidegate update apply 3f2a…", "asks for it, or rolls it out where that is let"),
        ("tidegate update apply 3f2a… --context prod-eu --server https://registry.example", "in a cluster by name"),
    ),
)
@click.option("--context", default=None, help="Of the kubeconfig: the cluster it runs in. [kubernetes.context]")
@server_option
@UPDATE
def apply(call: Call, *, update: str, context: str | None, server: str | None) -> int:
    """Roll an update out at its cluster's API server, watch it, and put it back where it is not healthy.

    Where its rule wants approval, it is asked for, and done by the same command once another person approved. One
    rollout at a time in a namespace. Broken off, run it again: it goes on, or puts back. Exit status 1 when it waits,
    or was put back.
    """
    from tidegate.assembly.updating import open_updates, roll_out
    from tidegate.execution.updates.proposals import UpdateState

    settings = call.settings(client__server=server, kubernetes__context=context)
    with open_updates(settings) as updates:
        found = updates.ask(update)
        if found.state is UpdateState.ASKED:
            call.note(f"update {found.id} waits for another person: tidegate update approve {found.id[:12]}")
            return 1
        call.note(f"update {found.id} is rolled out")
        ended = roll_out(settings, found)
        updates.conclude(found.id, done=ended.done, what=ended.what)
    if ended.done:
        call.note(f"done: {ended.what}")
    else:
        call.warn(f"put back: {ended.what}")
    return 0 if ended.done else 1
