# SPDX-License-Identifier: Apache-2.0
"""`tidegate passport [show]|export|verify`."""

from pathlib import Path
from typing import Final

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import ClickVerbs, verb
from tidegate.cli.output import Output, output_options
from tidegate.cli.server_option import server_option

_SHOW: Final = "show"


class _ShowByDefault(ClickVerbs):
    """`tidegate passport DIGEST` is `tidegate passport show DIGEST`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Puts the verb there that was left out."""
        named = any(arg in self.commands for arg in args)
        return super().parse_args(ctx, args if named or not args or args == ["--help"] else [_SHOW, *args])


command = _ShowByDefault(
    "passport",
    help="Show all that is on record of a digest, or take it along as a file that proves itself.",
    examples=(
        ("tidegate passport sha256:4c1…", "all that is on record of a digest, in order"),
        ("tidegate passport team/app:1.2 --server https://registry.example", "of a server, as you may see it"),
        ("tidegate passport export team/app:1.2 -o app.passport", "one file: statements, keys and ledger proofs"),
        ("tidegate passport verify app.passport --key signing.pub", "offline, by keys that you trust"),
    ),
)


@verb(
    _SHOW,
    examples=(
        ("tidegate passport show team/app:1.2 --format json", "of what a tag of the registry points to"),
        ("tidegate passport show sha256:4c1… --skip 1000", "the next page of a long one"),
    ),
)
@click.argument("digest")
@click.option("--skip", type=click.IntRange(0), default=0, metavar="N", help="Lines to leave out, from the beginning.")
@click.option("--limit", type=click.IntRange(1, 1000), default=1000, show_default=True, help="Most lines.")
@server_option
@output_options("table", "json")
def _show(call: Call, digest: str, *, skip: int, limit: int, output: Output, server: str | None) -> int:
    """Show all that is on record of a DIGEST: from commit and builder to the last container.

    Every signature is verified anew and every entry proved to be in the ledger. Exit status 1 when one is not.
    """
    settings = call.settings(client__server=server)
    from tidegate.assembly.passport import open_passports
    from tidegate.cli.page import write_page
    from tidegate.cli.passport_page import passport_page

    with open_passports(settings) as passports:
        found = passports.passport(digest, skip=skip, limit=limit)
    if output.form == "json":
        output.write_json(found)
    else:
        write_page(output, passport_page(found), colour=settings.colour)
    if not found.sound:
        call.warn("a signature or a ledger proof does not hold")
        return 1
    return 0


@verb("export", examples=(("tidegate passport export sha256:4c1… -o app.passport", "to be verified elsewhere"),))
@click.argument("digest")
@click.option("-o", "--output", "file", type=click.Path(path_type=Path), metavar="FILE", help="Where to; - for stdout.")
@server_option
def _export(call: Call, digest: str, *, file: Path | None, server: str | None) -> int:
    """Write the passport of a DIGEST as one file: statements, public keys, and the ledger's checkpoint with proofs."""
    settings = call.settings(client__server=server)
    from tidegate.assembly.passport import open_passports

    with open_passports(settings) as passports:
        data = passports.bundle(digest)
    Output(form="json", file=None if file == Path("-") else file).write_bytes(data)
    return 0


@verb(
    "verify",
    examples=(
        (
            "tidegate passport verify app.passport --key own.pub",
            "by the server's: tidegate keys show own -o own.pub",
        ),
        ("tidegate passport verify app.passport --key a.pub --ledger-key ledger.vkey -f json", "and by the ledger's"),
        ("tidegate passport verify app.passport --key a.pub --ledger-policy logs.policy", "and by its witnesses"),
    ),
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--key", "keys", multiple=True, required=True, type=click.Path(path_type=Path), metavar="FILE",
    help="A public key that you trust; repeatable. Keys in the bundle are never trusted for being there.",
)  # fmt: skip
@click.option(
    "--ledger-key", metavar="VKEY",
    help="The ledger's public key, NAME+HASH+KEY or a file with it, as GET /ledger/key tells it.",
)  # fmt: skip
@click.option(
    "--ledger-policy", type=click.Path(path_type=Path), metavar="FILE",
    help="C2SP tlog-policy file: the ledger's key, its witnesses, and how many must have cosigned.",
)  # fmt: skip
@output_options("table", "json")
def _verify(
    call: Call,
    file: Path,
    *,
    keys: tuple[Path, ...],
    ledger_key: str | None,
    ledger_policy: Path | None,
    output: Output,
) -> int:
    """Verify a FILE that `passport export` wrote, with no server: line by line, what holds.

    Exit status 1 when the seal does not hold or a line fails. What is void (its key was revoked) or signed by a key
    you did not give is told, and counts for nothing.
    """
    settings = call.settings()
    from tidegate.assembly.ledger_copy import believed
    from tidegate.cli.named_file import read_named_file
    from tidegate.cli.page import write_page
    from tidegate.cli.passport_page import report_page
    from tidegate.clock import system_clock
    from tidegate.oversight.bundle import MAX_BUNDLE_BYTES
    from tidegate.oversight.bundle_check import check_bundle
    from tidegate.signing.keys import VerifyingKey

    data = read_named_file(file, max_bytes=MAX_BUNDLE_BYTES)
    trusted = [VerifyingKey.load(path) for path in keys]
    named = [ledger_key] if ledger_key else []
    log = believed(settings, keys=named, policy=ledger_policy) if named or ledger_policy else None
    report = check_bundle(data, trusted, log=log, at=system_clock())
    if output.form == "json":
        output.write_json(report)
    else:
        write_page(output, report_page(report), colour=settings.colour)
    return 0 if report.holds else 1


for _command in (_show, _export, _verify):
    command.add_command(_command)
