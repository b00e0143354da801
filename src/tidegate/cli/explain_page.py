# SPDX-License-Identifier: Apache-2.0
"""A file's custody for people, and that of a whole image."""

from collections.abc import Iterator, Sequence
from typing import Final

from tidegate.bounds import printable
from tidegate.cli.page import SEVERITY_STYLES, Line, Piece, Style, cut, piece
from tidegate.evidence import Finding
from tidegate.inventory import Custody, FileCustody, Integrity, Inventory, LocatedSecret, Origin
from tidegate.scan.custody.explanation import Deed, Event, Explanation, LayerRef

MAX_SHOWN: Final = 20
"""Files of one list that are shown by name; JSON has them all."""

_LABEL_COLUMNS: Final = 12
_ORIGINS: Final = {
    Origin.DISTRO: Style.GOOD,
    Origin.UPSTREAM: Style.GOOD,
    Origin.IN_HOUSE: Style.NOTE,
    Origin.UNEXPLAINED: Style.BAD,
}
_INTEGRITIES: Final = {
    Integrity.UNCHANGED: Style.GOOD,
    Integrity.MODIFIED: Style.BAD,
    Integrity.MISSING: Style.BAD,
    Integrity.ADDED: Style.WARN,
    Integrity.UNCHECKED: Style.WARN,
}
_DEEDS: Final = {Deed.BROUGHT: Style.PLAIN, Deed.REPLACED: Style.WARN, Deed.DELETED: Style.BAD}


def path_page(
    told: Explanation,
    findings: Sequence[Finding],
    secrets: Sequence[LocatedSecret],
    *,
    layers: int,
    columns: int,
) -> Iterator[Line]:
    """Lays out what is known of one path.

    Args:
        told: what is known.
        findings: that speak of it.
        secrets: found in it.
        layers: of the image.
        columns: the page's width.
    """
    yield (piece(cut(printable(told.path or told.asked), columns), Style.TITLE),)
    for link in told.followed:
        yield _row("by way of", piece(f"{link.link} → {link.target}"), columns)
    yield from _content(told, columns)
    if told.layer is not None:
        yield from _layer("brought by", told.layer, layers, columns)
    yield from _owner(told, columns)
    yield from _state(told, columns)
    yield from _history(told, layers, columns)
    yield from _troubles(findings, secrets, columns)


def overview_page(inventory: Inventory, *, columns: int) -> Iterator[Line]:
    """Lays out the custody of a whole image.

    Args:
        inventory: of it.
        columns: the page's width.
    """
    custody = inventory.custody
    yield (piece(cut(printable(inventory.name), columns), Style.TITLE),)
    yield (piece(inventory.digest, Style.FAINT),)
    yield ()
    if custody is None:
        yield (piece("no files were looked at", Style.WARN),)
        return
    yield from _shares(custody)
    for title, files, style in (
        ("MODIFIED", custody.modified, Style.BAD),
        ("MISSING", custody.missing, Style.WARN),
        ("UNEXPLAINED", custody.unexplained, Style.BAD),
        ("IN-HOUSE", custody.in_house, Style.NOTE),
    ):
        yield from _files(title, files, style, columns)
    notes = []
    if custody.unchecked:
        notes.append(f"{custody.unchecked} files have an owner who states no digest")
    if custody.left_out:
        notes.append(f"{custody.left_out} files were left out on purpose (documentation, translations)")
    if notes:
        yield ()
    for note in notes:
        yield (piece(note, Style.FAINT),)


def _shares(custody: Custody) -> Iterator[Line]:
    all_bytes = sum(share.bytes for share in custody.shares) or 1
    yield (piece(f"{'':<14}{'files':>9}{'bytes':>12}{'share':>8}{'executables':>14}", Style.FAINT),)
    for share in custody.shares:
        style = _ORIGINS[share.origin] if share.files else Style.FAINT
        row = f"{share.files:>9}{_size(share.bytes):>12}{100 * share.bytes / all_bytes:>7.1f}%{share.executables:>14}"
        yield (piece(f"{share.origin.value:<14}", style), piece(row))


def _files(title: str, files: Sequence[FileCustody], style: Style, columns: int) -> Iterator[Line]:
    if not files:
        return
    yield ()
    yield (piece(f"{title}  {len(files)}", Style.TITLE),)
    for file in files[:MAX_SHOWN]:
        marks = [file.nature.value if file.is_executable else "", "configuration" if file.is_configuration else ""]
        about = "  ".join(filter(None, [*marks, printable(file.package or "")]))
        path = cut(printable(file.path), max(columns - 24, 20))
        yield (piece("  "), piece(path, style), piece(f"  {cut(about, max(columns - len(path) - 4, 8))}", Style.FAINT))
    if len(files) > MAX_SHOWN:
        yield (piece(f"  and {len(files) - MAX_SHOWN} more; --format json has them", Style.FAINT),)


def _content(told: Explanation, columns: int) -> Iterator[Line]:
    file = told.file
    if file is None:
        deleted = told.deleted_by
        what = f"not there: deleted by layer {deleted.layer.number}" if deleted else told.kind or "not there"
        yield _row("is", piece(what, Style.BAD if not told.is_there else Style.PLAIN), columns)
        return
    rights = "  setuid or setgid" if file.mode & 0o6000 else ""
    yield _row("is", piece(f"{file.nature.value}, {_size(file.size)}, mode {file.mode:04o}{rights}"), columns)
    if file.digest is not None:
        yield _row("", piece(file.digest, Style.FAINT), columns)


def _layer(label: str, layer: LayerRef, layers: int, columns: int) -> Iterator[Line]:
    yield _row(label, piece(f"layer {layer.number} of {layers}  {layer.digest.short}"), columns)
    if layer.step is not None and layer.step.instruction:
        yield _row("", piece(layer.step.instruction), columns)
    else:
        yield _row("", piece("the image's history does not tell by which instruction", Style.FAINT), columns)


def _owner(told: Explanation, columns: int) -> Iterator[Line]:
    if told.file is None:
        return
    origin = told.file.origin
    yield _row("whose", piece(origin.value, _ORIGINS[origin]), columns)
    if told.reason:
        yield _row("", piece(told.reason, Style.FAINT), columns)
    package = told.package
    if package is None:
        return
    yield _row("package", piece(f"{package.name} {package.version}"), columns)
    yield _row("", piece(package.purl, Style.FAINT), columns)
    if package.supplier:
        yield _row("supplier", piece(package.supplier), columns)
    licence = package.license or ", ".join(package.licenses)
    if licence:
        yield _row("licence", piece(licence), columns)
    if told.written_as and told.written_as != told.path:
        yield _row("listed as", piece(told.written_as), columns)


def _state(told: Explanation, columns: int) -> Iterator[Line]:
    if told.file is None:
        return
    integrity = told.file.integrity
    mark = ", a configuration file" if told.file.is_configuration else ""
    yield _row("as made", piece(f"{integrity.value}{mark}", _INTEGRITIES[integrity]), columns)
    if told.stated:
        yield _row("", piece(f"{told.algorithm} stated  {told.stated}", Style.FAINT), columns)
        yield _row("", piece(f"{told.algorithm} has     {told.actual or 'not computed'}", Style.FAINT), columns)


def _history(told: Explanation, layers: int, columns: int) -> Iterator[Line]:
    if len(told.events) < 2 and told.is_there:  # noqa: PLR2004 - one event is who brought it
        return
    yield ()
    yield (piece("IN THE LAYERS", Style.TITLE),)
    for event in told.events:
        yield (
            piece(f"  {event.layer.number:>3} of {layers}  "),
            piece(f"{event.deed.value:<9}", _DEEDS[event.deed]),
            piece(cut(_deed(event, told), max(columns - 24, 20)), Style.FAINT),
        )


def _deed(event: Event, told: Explanation) -> str:
    if event.deed is Deed.DELETED:
        place = "" if event.path in {told.asked, told.path} else f" with {event.path or 'all below the root'}"
        text = f"it{place}"
    elif event.target:
        text = f"{event.kind} to {event.target}"
    else:
        text = f"{event.kind}, {_size(event.size)}, {event.digest.short if event.digest else 'no digest'}"
    step = f"  by {event.layer.step.instruction}" if event.layer.step else ""
    return printable(text + step)


def _troubles(findings: Sequence[Finding], secrets: Sequence[LocatedSecret], columns: int) -> Iterator[Line]:
    if findings:
        yield ()
        yield (piece(f"FINDINGS  {len(findings)}", Style.TITLE),)
        for one in findings[:MAX_SHOWN]:
            fix = f"fixed in {one.fixed_version}" if one.fixed_version else "no fix yet"
            severity = piece(f"  {one.severity.value:<9}", SEVERITY_STYLES[one.severity])
            yield (severity, piece(cut(printable(f"{one.id}  {one.name} {one.version}  {fix}"), columns - 11)))
    if secrets:
        yield ()
        yield (piece(f"SECRETS  {len(secrets)}", Style.TITLE),)
        for located in secrets:
            text = f"line {located.secret.line}  {located.secret.redacted}  layer {located.layer.short}"
            rule = piece(f"  {printable(located.secret.rule)}  ", Style.BAD)
            yield (rule, piece(cut(printable(text), max(columns - 4 - len(rule[0]), 20)), Style.FAINT))


def _row(label: str, value: Piece, columns: int) -> Line:
    text, style = value
    return (
        piece(f"  {label:<{_LABEL_COLUMNS}}", Style.FAINT),
        (cut(text, max(columns - _LABEL_COLUMNS - 2, 20)), style),
    )


def _size(count: int) -> str:
    size = float(count)
    for unit in ("B", "kB", "MB"):
        if size < 1000:  # noqa: PLR2004 - units of a thousand
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
