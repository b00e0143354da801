# SPDX-License-Identifier: Apache-2.0
"""What a component is beyond the fields of a standard: named marks, written into a document and read back whole."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from tidegate.artifact import Digest
from tidegate.bounds import MIB
from tidegate.errors import InvalidInputError
from tidegate.inventory import Basis, Component, Ecosystem, PackageKind, PackageUrl, Scope, Version
from tidegate.wire import from_json, to_builtins

PREFIX: Final = "tidegate:"
"""Before the name of every mark (CycloneDX property taxonomy: one namespace a tool)."""
EXACT: Final = "exact"
"""The mark that holds a whole component, when its text could not stand in XML as it is."""

_MAX_EXACT_BYTES: Final = MIB
_UNFIT: Final = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no way to write; carriage returns too, which its readers turn into line feeds."""
_WELL_FORMED: Final = re.compile(r"pkg:[a-z][a-z0-9.+-]*/[!-~]+")

Marks = Mapping[str, Sequence[str]]


def marks_of(component: Component) -> Iterator[tuple[str, str]]:
    """Everything a standard's own fields do not say of a component, as (name, value); empty ones are left out."""
    for name, value in (
        ("architecture", component.architecture),
        ("basis", component.basis.value),
        ("cataloger", component.cataloger),
        ("deprecated", component.deprecated),
        ("ecosystem", component.ecosystem),
        ("layer", str(component.layer)),
        ("license", component.license),
        ("license-class", component.license_class),
        ("location", component.location),
        ("modularity", component.modularity),
        ("owner", component.owner or ""),
        ("scope", component.scope.value),
        ("source-name", component.source_name),
        ("source-version", component.source_version),
    ):
        if value:
            yield name, value
    for statement in component.licenses:
        yield "license-stated", statement
    for checksum in component.checksums:
        yield "checksum", checksum
    for key in sorted(component.qualifiers):
        yield f"qualifier:{key}", component.qualifiers[key]
    if not component.purl.startswith(f"pkg:{component.kind.value}/"):
        yield "kind", component.kind.value
    if not is_well_formed(component.purl):
        yield "purl", component.purl
    if not _is_fit(component):
        yield EXACT, exact(component)


def component_of(marks: Marks, *, name: str, version: str, purl: str, supplier: str) -> Component:
    """The component that `marks_of` told of.

    Args:
        marks: values by name, without the prefix.
        name: from the document's own field, like the three after it.
        version: likewise.
        purl: likewise; "" when it was not fit to stand there.
        supplier: likewise.

    Raises:
        InvalidInputError: a mark that must be there is missing, or one is not of its kind.
    """
    if EXACT in marks:
        return from_exact(marks[EXACT][0])

    def one(mark: str, default: str = "") -> str:
        return marks[mark][0] if mark in marks else default

    url = one("purl", purl)
    owner = one("owner")
    try:
        return Component(
            kind=PackageKind(one("kind") or url[4:].partition("/")[0]),
            name=name,
            version=Version(version),
            purl=PackageUrl(url),
            ecosystem=Ecosystem(one("ecosystem")),
            location=one("location"),
            layer=Digest(one("layer")),
            cataloger=one("cataloger"),
            source_name=one("source-name"),
            source_version=one("source-version"),
            architecture=one("architecture"),
            licenses=tuple(marks.get("license-stated", ())),
            owner=PackageUrl(owner) if owner else None,
            modularity=one("modularity"),
            qualifiers={mark[10:]: values[0] for mark, values in marks.items() if mark.startswith("qualifier:")},
            scope=Scope(one("scope", Scope.RUNTIME.value)),
            basis=Basis(one("basis", Basis.INSTALLED.value)),
            checksums=tuple(marks.get("checksum", ())),
            deprecated=one("deprecated"),
            supplier=supplier,
            license=one("license"),
            license_class=one("license-class"),
        )
    except ValueError as error:
        raise InvalidInputError(f"a mark of tidegate is not what it should be: {str(error)[:200]}") from error


def exact(component: Component) -> str:
    """A whole component as JSON in ASCII on one line; no text of a document can hurt it. What is empty is left out."""
    plain = to_builtins(component)
    kept = {name: value for name, value in plain.items() if value not in ("", None, [], {})}
    return json.dumps(kept, ensure_ascii=True, sort_keys=True, separators=(",", ":")).replace("<", "\\u003c")


def from_exact(text: str) -> Component:
    """The component that `exact` wrote.

    Raises:
        InvalidInputError: it is not one.
    """
    return from_json(_FILLED + text.removeprefix("{").encode(), Component, what="mark", max_bytes=_MAX_EXACT_BYTES)


# Fields without a default that `exact` leaves out when they are empty; a later name in an object wins.
_FILLED: Final = b'{"name":"","version":"","purl":"","ecosystem":"","location":"","cataloger":"",'


def is_well_formed(purl: str) -> bool:
    """True when a package URL can stand where standards want one."""
    return _WELL_FORMED.fullmatch(purl) is not None


def fit(text: str) -> str:
    """A text with what XML has no way to write replaced."""
    return text if text.isprintable() else _UNFIT.sub("\ufffd", text)


def _is_fit(component: Component) -> bool:
    texts = (
        component.name,
        component.version,
        component.purl,
        component.location,
        component.source_name,
        component.source_version,
        component.architecture,
        component.modularity,
        component.supplier,
        component.deprecated,
        component.ecosystem,
        component.cataloger,
        component.license,
        component.license_class,
        component.owner or "",
        *component.licenses,
        *component.checksums,
        *component.qualifiers,
        *component.qualifiers.values(),
    )
    whole = "".join(texts)
    if whole.isprintable():
        # Readers of XML may strip the ends of a text, and a list that begins empty has nothing to hold on to.
        return all(text == text.strip() for text in texts) and "" not in component.licenses + component.checksums
    return False
