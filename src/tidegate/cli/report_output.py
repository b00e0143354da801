# SPDX-License-Identifier: Apache-2.0
"""Several results of one scan: `--format NAME` to where `--output` says, `--format NAME=FILE` to files of their own."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import click

from tidegate.cli.output import Output
from tidegate.evidence import ScanReport
from tidegate.inventory import Inventory
from tidegate.settings import Settings

FORMS: Final = (
    "table",
    "json",
    "sarif",
    "junit",
    "markdown",
    "html",
    "csv",
    "github",
    "gitlab",
    "cyclonedx-json",
    "cyclonedx-xml",
    "spdx-json",
    "spdx-tag-value",
)
"""Ours, and those of the rosters of reports and bills of materials; here for help without their imports."""


def report_output_options(function: Callable[..., int]) -> Callable[..., int]:
    """Adds `--format` (several times) and `--output`; the verb gets them as one `outputs`."""

    def with_outputs(*args: Any, output_forms: Sequence[str], output_file: Path | None, **options: Any) -> int:
        return function(*args, outputs=_outputs(output_forms, output_file), **options)

    params: Sequence[click.Parameter] = getattr(function, "__click_params__", [])
    # click keeps decorators' parameters innermost first, and `verb` turns them round.
    with_outputs.__click_params__ = [_output_option(), _format_option(), *params]  # type: ignore[attr-defined] # click's own protocol
    with_outputs.__doc__ = function.__doc__
    return with_outputs


def write_report(outputs: Sequence[Output], report: ScanReport, inventory: Inventory, settings: Settings) -> None:
    """Writes a report in every form asked for.

    Raises:
        OutsideError: a file cannot be written.
    """
    for output in outputs:
        if output.form == "table":
            from tidegate.cli.page import columns_of, write_page
            from tidegate.cli.scan_page import scan_page

            write_page(output, scan_page(report, columns=columns_of(output)), colour=settings.colour)
        elif output.form == "json":
            output.write_json(report)
        elif output.form.endswith("json"):
            output.write_document(_bill(output.form, report, inventory))
        elif output.form.startswith(("cyclonedx", "spdx")):
            write_lines(output, _bill(output.form, report, inventory))
        else:
            from tidegate.reports import render

            document = render(report, output.form)
            if output.form in {"sarif", "gitlab"}:
                output.write_document(document)
            else:
                write_lines(output, document)


def write_lines(output: Output, document: bytes) -> None:
    """Writes a document as it is; on a terminal with nothing that steers it."""
    if not output.on_terminal:
        output.write_bytes(document)
        return
    from tidegate.bounds import printable

    output.write_text("".join(f"{printable(line)}\n" for line in document.decode().rstrip("\n").split("\n")))


def _bill(form: str, report: ScanReport, inventory: Inventory) -> bytes:
    """CycloneDX has a place for what is wrong; SPDX 2.3 has none."""
    if form.startswith("spdx"):
        from tidegate.sbom import write_sbom

        return write_sbom(inventory, form)
    from tidegate.sbom.cyclonedx import document_json
    from tidegate.sbom.cyclonedx_findings import report_document

    document = report_document(report, inventory)
    if form == "cyclonedx-json":
        return document_json(document)
    from tidegate.sbom.cyclonedx_xml import to_xml

    return to_xml(document)


def _outputs(words: Sequence[str], file: Path | None) -> tuple[Output, ...]:
    plain = None if file == Path("-") else file
    made: list[Output] = []
    for word in words:
        form, equals, name = word.partition("=")
        if form not in FORMS:
            raise click.BadParameter(f"{form!r} is not one of {', '.join(FORMS)}", param_hint="'--format'")
        if equals and not name:
            raise click.BadParameter(f"{word!r} names no file", param_hint="'--format'")
        made.append(Output(form=form, file=(None if name == "-" else Path(name)) if equals else plain))
    places = [one.file.absolute() if one.file else None for one in made]
    if len(set(places)) < len(places):
        hint = "write --format NAME=FILE for all but one"
        raise click.BadParameter(f"two results cannot go to one place: {hint}", param_hint="'--format'")
    return tuple(made)


def _format_option() -> click.Option:
    return click.Option(
        ("-f", "--format", "output_forms"),
        multiple=True,
        default=("table",),
        metavar="NAME[=FILE]",
        shell_complete=lambda _context, _param, incomplete: [form for form in FORMS if form.startswith(incomplete)],
        help=f"Form of the result, several times for several: {', '.join(FORMS)}. [table]",
    )


def _output_option() -> click.Option:
    return click.Option(
        ("-o", "--output", "output_file"),
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Write the result to a file, whole or not at all.",
    )
