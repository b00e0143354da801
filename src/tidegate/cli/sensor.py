# SPDX-License-Identifier: Apache-2.0
"""`tidegate sensor`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import verb
from tidegate.cli.server_option import server_option

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate.execution.observation import Observation
    from tidegate.settings import Settings

_MARKS = {"observe": "·", "alert": "!", "enforce": "✘"}


@verb(
    "sensor",
    examples=(
        ("tidegate sensor", "tell of every program on this node that was not in its container's image"),
        ("tidegate sensor --mode enforce", "and do not let it run"),
        ("tidegate sensor --rules drift.yaml --format json", "by workload, as JSON Lines for whoever collects them"),
        ("tidegate sensor --server https://registry.example", "and report to a server, as whoever is logged in there"),
    ),
)
@click.option("--mode", type=click.Choice(["observe", "alert", "enforce"]), help="For workloads no rule speaks of.")
@click.option(
    "--rules",
    "rules",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Rules of drift; repeatable.",
)
@click.option(
    "--format", "form", type=click.Choice(["lines", "json"]), help="Lines on a terminal, JSON Lines elsewhere."
)
@server_option
@click.option("--as-attendant", type=int, hidden=True, help="Be the process that reports; beats there.")
@click.option("--as-guard", type=int, hidden=True, help="Be the process that answers the kernel; beats there.")
def command(
    call: Call,
    *,
    mode: str | None,
    rules: tuple[Path, ...],
    form: str | None,
    server: str | None,
    as_attendant: int | None,
    as_guard: int | None,
) -> int:
    """Watch what runs in this node's containers, and refuse what was not in their images.

    One runs on each node, as root, beside any runtime that mounts images as overlays (podman, containerd, docker,
    CRI-O). It asks no runtime and loads nothing into the kernel: the kernel itself asks it before a program runs
    (fanotify). What it sees goes to standard output, and to a server where one is named, which can have containers
    isolated, frozen and killed by it. It keeps itself alive; SIGTERM ends it, and then everything runs.
    """
    settings = call.settings(
        sensor__mode=mode,
        sensor__rules_files=[str(path) for path in rules] or None,
        client__server=server,
        outbound__max_attempts=1 if as_attendant is not None else None,  # it tries again by itself
    )
    from tidegate.assembly.sensor import drift_rules, expectations

    show = _json if form == "json" or (form is None and not sys.stdout.isatty()) else _line
    if as_attendant is not None:
        from tidegate.sensor.attending import attend_until_told

        attend_until_told(settings, _teller(settings, show), beat=as_attendant)
        return 0
    found = drift_rules(settings)
    if as_guard is not None:
        from tidegate.sensor.guarding import guard_until_told

        guard_until_told(found, expectations(settings), _teller(settings, show), beat=as_guard)
        return 0
    from tidegate.sensor.guarding import supervise

    own = [sys.executable, "-m", "tidegate", *sys.argv[1:]]
    put = _teller(settings, None)

    def alarm(text: str) -> None:
        from tidegate.clock import rfc3339, system_clock
        from tidegate.execution.drift_rules import Mode
        from tidegate.execution.observation import Act, Observation

        call.warn(text)
        put(Observation(at=rfc3339(system_clock()), act=Act.UNGUARDED, mode=Mode.ALERT, rule="sensor", what=text))

    supervise(
        [*own, "--as-guard"],
        [*own, "--as-attendant"],
        alarm=alarm,
        watched=lambda: call.note(f"watching, {len(found.rules)} rules; otherwise {found.otherwise}"),
    )
    return 0


def _teller(settings: "Settings", show: "Callable[[Observation], None] | None") -> "Callable[[Observation], None]":
    """What is done with an observation: it is kept for the server, where there is one, and shown."""
    from tidegate.reporting.spool import Spool

    spool = Spool(settings.sensor.spool_file) if settings.client.server else None

    def tell(seen: "Observation") -> None:
        if spool is not None:
            spool.put(seen)
        if show is not None:
            show(seen)

    return tell


def _json(seen: "Observation") -> None:
    from tidegate.wire import to_json

    sys.stdout.write(to_json(seen).decode() + "\n")
    sys.stdout.flush()


def _line(seen: "Observation") -> None:
    from tidegate.bounds import printable

    where = seen.container
    name = (
        (where.pod and f"{where.namespace}/{where.pod}/{where.name}") or where.name or where.id[:12]
        if where
        else "node"
    )
    what = f"{seen.act} {printable(seen.path)}"
    what += f" ({seen.origin})" if seen.origin else ""
    what += f" by {printable(seen.program)}[{seen.pid}]" if seen.pid else ""
    what += f": {printable(seen.what)}" if seen.what else ""
    times = f" ×{seen.count}" if seen.count > 1 else ""
    refused = " refused" if seen.refused else ""
    sys.stdout.write(f"{_MARKS[seen.mode]} {seen.at} {printable(name)}: {what}{refused}{times}\n")
    sys.stdout.flush()
