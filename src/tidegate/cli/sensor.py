# SPDX-License-Identifier: Apache-2.0
"""`tidegate sensor`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import verb

if TYPE_CHECKING:
    from tidegate.sensor.observation import Observation

_MARKS = {"observe": "·", "alert": "!", "enforce": "✘"}


@verb(
    "sensor",
    examples=(
        ("tidegate sensor", "tell of every program on this node that was not in its container's image"),
        ("tidegate sensor --mode enforce", "and do not let it run"),
        ("tidegate sensor --rules drift.yaml --format json", "by workload, as JSON Lines for whoever collects them"),
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
@click.option("--as-guard", type=int, hidden=True, help="Be the process that answers the kernel; beats there.")
def command(call: Call, mode: str | None, rules: tuple[Path, ...], form: str | None, as_guard: int | None) -> int:
    """Watch what runs in this node's containers, and refuse what was not in their images.

    One runs on each node, as root, beside any runtime that mounts images as overlays (podman, containerd, docker,
    CRI-O). It asks no runtime and loads nothing into the kernel: the kernel itself asks it before a program runs
    (fanotify). What it sees goes to standard output. It keeps itself alive; SIGTERM ends it, and then everything runs.
    """
    settings = call.settings(sensor__mode=mode, sensor__rules_files=[str(path) for path in rules] or None)
    from tidegate.assembly.sensor import drift_rules

    found = drift_rules(settings)
    if as_guard is not None:
        from tidegate.sensor.guarding import guard_until_told

        is_json = form == "json" or (form is None and not sys.stdout.isatty())
        guard_until_told(found, _json if is_json else _line, beat=as_guard)
        return 0
    from tidegate.sensor.guarding import supervise

    own = [sys.executable, "-m", "tidegate", *sys.argv[1:], "--as-guard"]
    supervise(
        own,
        alarm=call.warn,
        watched=lambda: call.note(f"watching, {len(found.rules)} rules; otherwise {found.otherwise}"),
    )
    return 0


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
    what = f"{seen.act} {printable(seen.path)} ({seen.origin}) by {printable(seen.program)}[{seen.pid}]"
    times = f" ×{seen.count}" if seen.count > 1 else ""
    refused = " refused" if seen.refused else ""
    sys.stdout.write(f"{_MARKS[seen.mode]} {seen.at} {printable(name)}: {what}{refused}{times}\n")
    sys.stdout.flush()
