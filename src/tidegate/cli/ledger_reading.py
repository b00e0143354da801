# SPDX-License-Identifier: Apache-2.0
"""`tidegate ledger checkpoint|show|prove|export`: what the log of this home says and holds."""

import re
from pathlib import Path

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import verb
from tidegate.cli.output import Output, output_options
from tidegate.cli.table import write_table
from tidegate.errors import UsageError

_RANGE = re.compile(r"(\d{1,18})?\.\.(\d{1,18})?|(\d{1,18})")


@verb(
    "checkpoint",
    examples=(
        ("tidegate ledger checkpoint --output checkpoint-today", "keep it: tomorrow's log must begin with it"),
        ("tidegate ledger checkpoint --format json", "origin, size, root, and the key that verifies it"),
    ),
)
@output_options("note", "json")
def checkpoint(call: Call, output: Output) -> int:
    """Write the signed checkpoint of now (C2SP tlog-checkpoint), with the cosignatures of witnesses.

    It says how many entries the log has, and the root over them. Whoever keeps one can show later that nothing before
    it was changed or taken away: `tidegate ledger verify --since FILE`.
    """
    settings = call.settings()
    from tidegate.assembly.local_ledger import open_local_ledger

    with open_local_ledger(settings) as local:
        note, found = local.checkpoint()
        key = str(local.signer.verifier)
    if output.form == "json":
        output.write_json(
            {"origin": found.origin, "size": found.size, "root": found.root.hex(), "key": key, "note": note}
        )
    else:
        output.write_text(note)
        call.note(f"verified by the key {key}")
    return 0


@verb(
    "show",
    examples=(
        ("tidegate ledger show", "the newest twenty entries"),
        ("tidegate ledger show 100..120", "those from 100 to 120"),
    ),
)
@output_options("table", "json")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Most entries.")
@click.argument("entries", required=False)
def show(call: Call, *, output: Output, limit: int, entries: str | None) -> int:
    """Show entries: the statement each names, what it is about, and when it was recorded.

    ENTRIES is an index, or FIRST..LAST of which either may be left out; the newest without it.
    """
    first, last = _range(entries)
    settings = call.settings()
    from tidegate.assembly.local_ledger import open_local_ledger

    with open_local_ledger(settings) as local:
        found = local.entries(first, last, limit=limit)
    if output.form == "json":
        output.write_json(found)
        return 0
    rows = [
        (str(entry.index), entry.recorded_at, entry.predicate_type or entry.text[:60], entry.subject, entry.envelope)
        for entry in found
    ]
    write_table(call, output, ("index", "recorded at", "predicate type", "subject", "envelope"), rows)
    return 0


@verb(
    "prove",
    examples=(
        ("tidegate ledger prove 4711 --output 4711.tlog-proof", "a file that proves entry 4711 without a server"),
        ("tidegate ledger prove sha256:4c1…", "of the statement whose envelope has this digest"),
        ("tidegate ledger verify 4711.tlog-proof --key VKEY", "what its receiver does with it"),
    ),
)
@output_options("proof", "json")
@click.argument("entry")
def prove(call: Call, *, output: Output, entry: str) -> int:
    """Write a proof that an ENTRY (an index, or the digest of a statement's envelope) is in the log.

    It is a C2SP tlog-proof: the entry, the hashes that lead from it to the root, and the checkpoint that has this root.
    """
    settings = call.settings()
    from tidegate.assembly.local_ledger import open_local_ledger

    with open_local_ledger(settings) as local:
        found = local.prove(entry)
    if output.form == "json":
        output.write_json(
            {
                "index": found.index,
                "entry": found.extra.decode("utf-8", "backslashreplace"),
                "hashes": [item.hex() for item in found.hashes],
                "checkpoint": found.checkpoint,
            }
        )
    else:
        output.write_text(found.to_text())
    return 0


@verb(
    "export",
    examples=(
        ("tidegate ledger export /media/audit", "everything; the next time, what was added"),
        ("tidegate ledger verify /media/audit --key VKEY", "what an auditor does with it, with no server"),
    ),
)
@output_options("table", "json")
@click.argument("copy", type=click.Path(path_type=Path, file_okay=False))
def export(call: Call, *, output: Output, copy: Path) -> int:
    """Copy the log into the folder COPY: checkpoint, tiles and entries (C2SP tlog-tiles), and all statements they name.

    Any tool that reads tlog-tiles reads it, from the disk or from a web server that hands the folder out. What is
    there already is not written again, and a folder that holds another history is refused. The checkpoint comes
    last, so a copy that was broken off is still whole.
    """
    settings = call.settings()
    from tidegate.assembly.local_ledger import open_local_ledger

    with open_local_ledger(settings) as local:
        found = local.export(copy)
        key = str(local.signer.verifier)
    if output.form == "json":
        output.write_json({"size": found.size, "files": found.files, "statements": found.statements, "key": key})
    else:
        rows = [(str(found.size), str(found.statements), str(found.files))]
        write_table(call, output, ("entries", "new statements", "new files"), rows)
    call.note(f"whoever checks it needs this key, on another way than the copy: {key}")
    return 0


def _range(text: str | None) -> tuple[int | None, int | None]:
    if text is None:
        return None, None
    found = _RANGE.fullmatch(text)
    if found is None or text == "..":
        raise UsageError("no range of entries", where=text[:80], remedy="write an index, or FIRST..LAST")
    if found[3] is not None:
        return int(found[3]), int(found[3])
    return (int(found[1]) if found[1] else 0), (int(found[2]) if found[2] else None)
