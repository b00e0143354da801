# SPDX-License-Identifier: Apache-2.0
"""`tidegate inventory`."""

from typing import TYPE_CHECKING

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import verb
from tidegate.cli.output import Output, output_options
from tidegate.cli.server_option import server_option
from tidegate.cli.table import write_table

if TYPE_CHECKING:
    from tidegate.execution.inventory import Run

_STANDINGS = (
    "admitted", "deprecated", "restricted", "expired", "undecided", "rejected", "retired", "recalled", "unknown",
    "unidentified",
)  # fmt: skip


@verb(
    "inventory",
    examples=(
        ("tidegate inventory --server https://registry.example", "what runs, on nodes and in clusters"),
        ("tidegate inventory --rogue", "what was never admitted, or is not any more"),
        ("tidegate inventory --digest sha256:… --format json", "where an image runs, for a program"),
        ("tidegate inventory --repository shop/web --at 2026-11-30T02:00:00Z", "what ran of it at night"),
    ),
)
@server_option
@output_options("table", "json", by_terminal=True)
@click.option("--digest", default="", help="Of a manifest, or of a configuration (what runtimes call an image's id).")
@click.option("--repository", default="", help="On the shelf, or as its containers' image is called.")
@click.option("--namespace", default="", help="Of Kubernetes.")
@click.option("--node", default="", help="A node, or a cluster.")
@click.option("--state", "standings", multiple=True, type=click.Choice(_STANDINGS), help="Of its image; repeatable.")
@click.option("--rogue", is_flag=True, help="Only what was never admitted, is not any more, or is not what is pinned.")
@click.option("--at", default="", metavar="TIME", help="What ran then (RFC 3339).")
@click.option("--past", is_flag=True, help="What ran and does not any more.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=1000, show_default=True, help="At most so many.")
def command(
    call: Call,
    *,
    output: Output,
    server: str | None,
    digest: str,
    repository: str,
    namespace: str,
    node: str,
    standings: tuple[str, ...],
    rogue: bool,
    at: str,
    past: bool,
    limit: int,
) -> int:
    """Show which image runs where: since when, by whom, and under which decision now.

    Nodes with a sensor and clusters with a watcher tell it; a container that both tell of is one line.
    """
    settings = call.settings(client__server=server)
    from tidegate.assembly.inventory_book import open_inventory_book
    from tidegate.clock import parse_rfc3339
    from tidegate.execution.inventory import MAX_RUNS, Asked
    from tidegate.execution.standing import Standing
    from tidegate.values import replace

    asked = Asked(
        digest=digest,
        repository=repository,
        namespace=namespace,
        node=node,
        standings=frozenset(Standing(one) for one in standings),
        rogue=rogue,
        at=parse_rfc3339(at) if at else None,
        past=past,
        limit=min(limit, MAX_RUNS),
    )
    found: list[Run] = []
    with open_inventory_book(settings) as book:
        while True:
            page = book.what_runs(asked)
            found += page.runs
            if not page.after or len(found) >= limit:
                break
            asked = replace(asked, after=page.after, limit=min(limit - len(found), MAX_RUNS))
    if page.after:
        call.note(f"there is more than {limit}: narrow it, or raise --limit")
    if output.form == "json":
        output.write_json({"runs": found, "after": page.after})
        return 0
    until = ("until",) if past or at else ()
    headings = ("state", "image", "digest", "workload", "where", "since", *until, "by")
    write_table(call, output, headings, [_row(one, with_end=past or bool(at)) for one in found])
    return 0


def _row(one: "Run", *, with_end: bool) -> tuple[str, ...]:
    container = one.container
    state = f"{one.standing}{', not what is pinned' if one.is_swapped else ''}{', glass broken' if one.glass else ''}"
    owner = f"{one.owner.kind}/{one.owner.name}" if one.owner.kind not in {"", "Pod"} else container.pod
    workload = f"{container.namespace}/{owner}/{container.name}" if container.pod else container.workload
    where = f"{one.node}/{container.host}" if container.host else one.node
    digest = container.digest or container.config
    end = (one.until or "runs",) if with_end else ()
    return (state, container.image, digest[:19], workload, where, f"{one.since:%Y-%m-%d %H:%M:%S}", *end, one.by)
