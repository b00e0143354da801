# SPDX-License-Identifier: Apache-2.0
"""`tidegate vex`: say what a vulnerability means for a product, in a form that others read."""

from datetime import datetime
from pathlib import Path
from typing import Final

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import ClickVerbs, verb
from tidegate.cli.output import Output, output_options
from tidegate.vex.claim import STATUSES
from tidegate.vex.openvex import JUSTIFICATIONS, Assertion

FORMS: Final = ("openvex", "csaf", "cyclonedx")

command = ClickVerbs(
    "vex",
    help="Write and convert statements on vulnerabilities: OpenVEX, CSAF, CycloneDX.",
    examples=(
        ("tidegate vex write --help", "how to say that a flaw does not touch a product"),
        ("tidegate vex convert vendor.csaf.json --format openvex --author us", "one form to another"),
        ("tidegate scan oci:./image --vex said.json", "and what it does to a scan"),
    ),
    no_args_is_help=True,
)


_EXAMPLE: Final = (
    "tidegate vex write --id CVE-2023-1255 --status not_affected --product IMAGE@sha256:… --author security "
    "--package pkg:apk/alpine/libssl3 --justification vulnerable_code_not_present"
)


@verb("write", examples=((_EXAMPLE, "one statement; tidegate scan --vex FILE reads it"),))
@output_options(*FORMS)
@click.option("--id", "identity", required=True, metavar="ID", help="The vulnerability: CVE, GHSA, …")
@click.option("--alias", "aliases", multiple=True, metavar="ID", help="Another name of it.")
@click.option("--status", required=True, type=click.Choice(STATUSES), help="What it means for the product.")
@click.option("--product", "products", required=True, multiple=True, metavar="NAME", help="Package URL or image.")
@click.option("--package", "packages", multiple=True, metavar="PURL", help="What in the product it is about.")
@click.option("--justification", type=click.Choice(JUSTIFICATIONS), default=None, help="Why it is not affected.")
@click.option("--impact", default="", metavar="TEXT", help="The same in your own words.")
@click.option("--action", default="", metavar="TEXT", help="What to do, when it is affected.")
@click.option("--author", required=True, metavar="WHO", help="Who says so.")
@click.option("--namespace", default="https://localhost", metavar="URL", help="The author's address, for CSAF.")
def _write(
    _call: Call,
    *,
    output: Output,
    identity: str,
    aliases: tuple[str, ...],
    status: str,
    products: tuple[str, ...],
    packages: tuple[str, ...],
    justification: str | None,
    impact: str,
    action: str,
    author: str,
    namespace: str,
) -> int:
    """Write one statement on one vulnerability.

    The rules are OpenVEX's: not_affected needs a justification or an impact, affected needs an action.
    """
    from tidegate.clock import system_clock

    assertion = Assertion(
        id=identity,
        aliases=aliases,
        status=status,
        products=products,
        packages=packages,
        justification=justification or "",
        impact=impact,
        action=action,
    )
    output.write_bytes(_written(output.form, (assertion,), author, namespace, system_clock()))
    return 0


@verb(
    "convert", examples=(("tidegate vex convert vendor.csaf.json --format openvex --author us", "one form to another"),)
)
@output_options(*FORMS)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--author", required=True, metavar="WHO", help="Who passes it on.")
@click.option("--namespace", default="https://localhost", metavar="URL", help="The author's address, for CSAF.")
def _convert(call: Call, *, output: Output, file: Path, author: str, namespace: str) -> int:
    """Turn an OpenVEX, CSAF or CycloneDX document into another of these forms."""
    from tidegate.cli.signed_file import read_signed_file
    from tidegate.clock import system_clock
    from tidegate.vex.reading import MAX_DOCUMENT_BYTES, assertions_of, read_statements

    raw = read_signed_file(call, file, max_bytes=MAX_DOCUMENT_BYTES)
    form, claims = read_statements(raw, where=str(file))
    assertions = assertions_of(claims)
    call.note(f"{file}: {form}, {len(assertions)} {'statement' if len(assertions) == 1 else 'statements'}")
    output.write_bytes(_written(output.form, assertions, author, namespace, system_clock()))
    return 0


def _written(form: str, assertions: tuple[Assertion, ...], author: str, namespace: str, at: datetime) -> bytes:
    if form == "csaf":
        from tidegate.vex.csaf import write_csaf

        return write_csaf(assertions, author=author, namespace=namespace, at=at)
    if form == "cyclonedx":
        from tidegate.vex.cyclonedx import write_cyclonedx_vex

        return write_cyclonedx_vex(assertions, author=author, at=at)
    from tidegate.vex.openvex import write_openvex

    return write_openvex(assertions, author=author, at=at)


command.add_command(_write)
command.add_command(_convert)
