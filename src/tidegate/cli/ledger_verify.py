# SPDX-License-Identifier: Apache-2.0
"""`tidegate ledger verify`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tidegate.bounds import printable
from tidegate.cli.call import Call
from tidegate.cli.click_verb import verb
from tidegate.cli.ledger_belief import belief_options
from tidegate.cli.output import Output, output_options
from tidegate.errors import UsageError

if TYPE_CHECKING:
    from tidegate.oversight.ledger_check import LedgerCheck, LedgerReport


@verb(
    "verify",
    examples=(
        ("tidegate ledger verify /media/audit --key registry.vkey", "a copy in a folder, with no server"),
        (
            "tidegate ledger verify https://registry.example/ledger --policy logs.policy",
            "cosigned by witnesses",
        ),
        ("tidegate ledger verify /media/audit --key VKEY --since last-year --trust signer.pem", "and against the past"),
        ("tidegate ledger verify 4711.tlog-proof --key VKEY --envelope scan.json", "one statement, by its proof"),
    ),
)
@belief_options
@output_options("table", "json")
@click.option(
    "--since",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A checkpoint you kept: the log must begin with exactly what it had then.",
)
@click.option(
    "--keep",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Like --since where FILE is there, and when all is well the new checkpoint is kept in it.",
)
@click.option(
    "--trust",
    "trusted",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="PEM public key whose signatures on statements count. [those of this home]",
)
@click.option("--no-statements", is_flag=True, help="Check tiles and entries, and leave the statements unread.")
@click.option(
    "--envelope",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="With a proof: the statement (DSSE envelope) that its entry must name.",
)
@click.argument("source")
def verify(
    call: Call,
    *,
    output: Output,
    source: str,
    keys: tuple[str, ...],
    policy: Path | None,
    since: Path | None,
    keep: Path | None,
    trusted: tuple[Path, ...],
    no_statements: bool,
    envelope: Path | None,
) -> int:
    """Verify a copy of a log: SOURCE is a folder that was exported, a URL, or a file with a proof (.tlog-proof).

    Checked are the checkpoint's signature and its cosignatures, every entry, every hash of every tile, that each
    statement is the one its entry names and is signed, and that the log goes on from a checkpoint that was kept.
    Nothing in the copy is believed: the log's key comes from you. Exit status 1 when anything is wrong.
    """
    if since is not None and keep is not None:
        raise UsageError("--since and --keep say the same", remedy="give one of them")
    settings = call.settings()
    from tidegate.assembly.ledger_copy import believed, build_ledger_check, open_copy, read_text

    check = build_ledger_check(
        settings,
        believed(settings, keys=keys, policy=policy),
        trusted=trusted,
        reads_statements=not no_statements,
    )
    if Path(source).is_file():
        return _verify_proof(output, check, Path(source), envelope)
    if envelope is not None:
        raise UsageError("--envelope goes with a proof", where=source)
    kept = since or (keep if keep is not None and keep.exists() else None)
    with open_copy(settings, source) as copy:
        found = check.check(copy, since=None if kept is None else read_text(kept))
    if output.form == "json":
        output.write_json({**_plain(found), "sound": found.is_sound})
    else:
        output.write_text(_table(found))
    if not found.is_sound:
        call.warn(f"{len(found.defects)} things are not as they must be")
        return 1
    if keep is not None:
        Output(form="note", file=keep).write_text(found.note)
    return 0


def _verify_proof(output: Output, check: "LedgerCheck", path: Path, envelope: Path | None) -> int:
    from tidegate.admission.ledger_line import parse_ledger_line
    from tidegate.artifact import Digest
    from tidegate.assembly.ledger_copy import read_text
    from tidegate.errors import InvalidInputError
    from tidegate.ledger.copy import MAX_STATEMENT_BYTES
    from tidegate.ledger.tlog_proof import MAX_PROOF_BYTES, TlogProof

    proof = TlogProof.from_text(read_text(path, max_bytes=MAX_PROOF_BYTES), where=str(path))
    checkpoint = check.check_proof(proof, proof.extra)
    line = parse_ledger_line(proof.extra, where=f"entry {proof.index}")
    if envelope is not None:
        content = read_text(envelope, max_bytes=MAX_STATEMENT_BYTES).encode()
        if line is None or Digest.of(content) != line.envelope:
            raise InvalidInputError("is not the statement that the proof is about", where=str(envelope))
    told = {
        "origin": checkpoint.origin,
        "size": checkpoint.size,
        "index": proof.index,
        "envelope": line.envelope if line else "",
        "predicate_type": line.predicate_type if line else "",
        "subject": line.subject if line else "",
    }
    if output.form == "json":
        output.write_json(told)
    else:
        output.write_text("".join(f"{name:<15} {printable(str(value))}\n" for name, value in told.items()))
    return 0


def _plain(found: "LedgerReport") -> dict[str, object]:
    from tidegate.wire import to_builtins

    plain: dict[str, object] = to_builtins(found)
    return plain


def _table(found: "LedgerReport") -> str:
    statements = [f"{count} {_STATEMENTS[kind]}" for kind, count in found.statements.items() if count]
    rows = [
        ("log", found.origin),
        ("entries", str(found.size)),
        ("root", found.root),
        ("signed by", f"{found.key}, to which yours handed over" if found.key else ""),
        ("cosigned", ", ".join(f"{name} at {at}" for name, at in found.witnesses.items())),
        ("goes on from", f"the checkpoint of {found.since} entries" if found.since is not None else ""),
        ("statements", ", ".join(statements)),
        ("other entries", str(found.other_entries) if found.other_entries else ""),
        ("sound", "yes" if found.is_sound else "NO"),
    ]
    lines = [f"{name:<14} {value}" for name, value in rows if value]
    lines += [f"{'':<14} {defect.where}: {defect.what}" for defect in found.defects]
    return "".join(f"{printable(line)}\n" for line in lines)


_STATEMENTS = {
    "trusted": "signed by trusted keys",
    "others": "signed by keys that are not trusted here",
    "unread": "not read",
}
