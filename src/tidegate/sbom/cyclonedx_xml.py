# SPDX-License-Identifier: Apache-2.0
"""CycloneDX's JSON form to its XML form and back, by one table of which element is what, in the order XSD wants.

Only what is written or read here is in the table; other elements of a stranger's document are passed over.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import escape, quoteattr

from tidegate.bounds import MIB
from tidegate.errors import BoundExceededError, InvalidInputError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_ESCAPES: Final = re.compile(rb"encoding\s*=\s*[\"'][a-z_ -]*escape", re.IGNORECASE)
"""Python knows encodings of its own that the reader would take, and warn of on the way."""
_DECLARATION_BYTES: Final = 200
MAX_XML_BYTES: Final = 64 * MIB
MAX_DEPTH: Final = 64
"""Components inside components."""
_NAMESPACE: Final = "http://cyclonedx.org/schema/bom/"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    """One element: the JSON member it stands for, and what it holds.

    Attributes:
        key: the JSON member's name.
        element: the XML element's; that of each item when `wrapped` is "".
        shape: name of the table's row its content follows; "" for text.
        wrapped: the element around the items of a list.
        listed: the member is a list.
    """

    key: str
    element: str
    shape: str = ""
    wrapped: str = ""
    listed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """One kind of object: which members are attributes, and its elements in order; `text` is the member in between."""

    attributes: tuple[str, ...] = ()
    fields: tuple[_Field, ...] = field(default=())
    text: str = ""


def _text(*names: str) -> tuple[_Field, ...]:
    return tuple(_Field(key=name, element=name) for name in names)


def _one(key: str, shape: str) -> _Field:
    return _Field(key=key, element=key, shape=shape)


def _many(key: str, element: str, shape: str = "") -> _Field:
    return _Field(key=key, element=element, shape=shape, wrapped=key, listed=True)


_PROPERTIES: Final = _many("properties", "property", "property")
_SHAPES: Final[Mapping[str, _Shape]] = {
    "bom": _Shape(
        attributes=("serialNumber", "version"),
        fields=(
            _one("metadata", "metadata"),
            _many("components", "component", "component"),
            _many("dependencies", "dependency", "dependency"),
            _PROPERTIES,
            _many("vulnerabilities", "vulnerability", "vulnerability"),
        ),
    ),
    "metadata": _Shape(
        fields=(*_text("timestamp"), _one("tools", "tools"), _one("component", "component"), _PROPERTIES)
    ),
    "tools": _Shape(
        fields=(
            _Field(key="tools", element="tool", shape="tool", listed=True),
            _many("components", "component", "component"),
        )
    ),
    "tool": _Shape(fields=_text("vendor", "name", "version")),
    "component": _Shape(
        attributes=("type", "bom-ref"),
        fields=(
            _one("supplier", "organization"),
            *_text("author", "publisher", "group", "name", "version", "description", "scope"),
            _many("hashes", "hash", "hash"),
            _one("licenses", "licenses"),
            *_text("copyright", "cpe", "purl"),
            _PROPERTIES,
            _many("components", "component", "component"),
            _one("evidence", "evidence"),
        ),
    ),
    "organization": _Shape(fields=_text("name")),
    "hash": _Shape(attributes=("alg",), text="content"),
    "property": _Shape(attributes=("name",), text="value"),
    "licenses": _Shape(
        fields=(
            _Field(key="license", element="license", shape="license", listed=True),
            _Field(key="expression", element="expression", listed=True),
        )
    ),
    "license": _Shape(fields=_text("id", "name")),
    "evidence": _Shape(
        fields=(
            _Field(key="identity", element="identity", shape="identity", listed=True),
            _many("occurrences", "occurrence", "occurrence"),
        )
    ),
    "identity": _Shape(fields=(*_text("field", "confidence"), _many("methods", "method", "method"))),
    "method": _Shape(fields=_text("technique", "confidence", "value")),
    "occurrence": _Shape(fields=_text("location", "additionalContext")),
    "dependency": _Shape(
        attributes=("ref",), fields=(_Field(key="dependsOn", element="dependency", shape="ref", listed=True),)
    ),
    "ref": _Shape(attributes=("ref",)),
    "vulnerability": _Shape(
        attributes=("bom-ref",),
        fields=(
            *_text("id"),
            _one("source", "source"),
            _many("references", "reference", "reference"),
            _many("ratings", "rating", "rating"),
            *_text("description", "detail", "recommendation"),
            _many("advisories", "advisory", "advisory"),
            *_text("created", "published"),
            _one("analysis", "analysis"),
            _many("affects", "target", "target"),
            _PROPERTIES,
        ),
    ),
    "source": _Shape(fields=_text("name", "url")),
    "reference": _Shape(fields=(*_text("id"), _one("source", "source"))),
    "rating": _Shape(fields=(_one("source", "source"), *_text("score", "severity", "method", "vector"))),
    "advisory": _Shape(fields=_text("title", "url")),
    "analysis": _Shape(fields=_text("state", "justification", "detail")),
    "target": _Shape(fields=(*_text("ref"), _many("versions", "version", "affected"))),
    "affected": _Shape(fields=_text("version", "status")),
}


def to_xml(document: Mapping[str, Any]) -> bytes:
    """Writes a document of `tidegate.sbom.cyclonedx` as XML."""
    namespace = f' xmlns="{_NAMESPACE}{document["specVersion"]}"'
    body = "".join(_written("bom", "bom", document, namespace))
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'.encode()


def from_xml(data: bytes, *, where: str) -> dict[str, Any]:
    """Reads a document into what its JSON form would be.

    Raises:
        BoundExceededError: over 64 MiB, or components nested too deep.
        InvalidInputError: no XML, with a document type or entities, or no CycloneDX.
    """
    from xml.etree.ElementTree import ParseError

    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    if len(data) > MAX_XML_BYTES:
        raise BoundExceededError("MAX_XML_BYTES", MAX_XML_BYTES, where=where)
    if _ESCAPES.search(data, 0, _DECLARATION_BYTES):
        raise InvalidInputError("not XML: an encoding that is none of text", where=where)
    try:
        root = fromstring(data, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise InvalidInputError(f"not the XML expected: {error}", where=where) from error
    namespace, _, name = root.tag.rpartition("}")
    if name != "bom" or not namespace.startswith("{" + _NAMESPACE):
        raise InvalidInputError("is no CycloneDX document", where=where)
    document = _read("bom", root, where, 0)
    document["bomFormat"] = "CycloneDX"
    document["specVersion"] = namespace.removeprefix("{" + _NAMESPACE)
    return document


def _written(element: str, shape_name: str, value: Mapping[str, Any], more: str = "") -> Iterator[str]:
    shape = _SHAPES[shape_name]
    attributes = "".join(
        f" {name}={quoteattr(str(value[name]), _IN_ATTRIBUTES)}" for name in shape.attributes if name in value
    )
    yield f"<{element}{more}{attributes}>"
    if shape.text:
        yield escape(str(value[shape.text]), _IN_TEXT)
    for one in shape.fields:
        if one.key in value:
            yield from _field(one, value[one.key])
    yield f"</{element}>"


def _field(one: _Field, value: Any) -> Iterator[str]:
    if one.shape in {"licenses", "tools"} and isinstance(value, list):
        value = _gathered(one.shape, value)
    if not one.listed:
        yield from _item(one, value)
        return
    items = value if isinstance(value, list) else [value]
    if one.wrapped:
        yield f"<{one.wrapped}>"
    for item in items:
        yield from _item(one, {"ref": item} if one.shape == "ref" else item)
    if one.wrapped:
        yield f"</{one.wrapped}>"


def _item(one: _Field, value: Any) -> Iterator[str]:
    if one.shape:
        yield from _written(one.element, one.shape, value)
    else:
        yield f"<{one.element}>{escape(str(value), _IN_TEXT)}</{one.element}>"


def _gathered(shape: str, value: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Lists that hold one kind of thing or another in JSON, and have one element around both in XML."""
    if shape == "tools":
        return {"tools": value}
    kinds = ("license", "expression")
    return {kind: found for kind in kinds if (found := [item[kind] for item in value if kind in item])}


_IN_TEXT: Final = {"\r": "&#13;"}
_IN_ATTRIBUTES: Final = {"\r": "&#13;", "\n": "&#10;", "\t": "&#9;"}


def _read(shape_name: str, element: "Element", where: str, depth: int) -> dict[str, Any]:
    if depth > MAX_DEPTH:
        raise BoundExceededError("MAX_DEPTH", MAX_DEPTH, where=where)
    shape = _SHAPES[shape_name]
    made: dict[str, Any] = {name: element.attrib[name] for name in shape.attributes if name in element.attrib}
    if shape.text:
        made[shape.text] = element.text or ""
    if shape.fields:
        by_name = {one.wrapped or one.element: one for one in shape.fields}
        for child in element:
            one = by_name.get(str(child.tag).rpartition("}")[2])
            if one is not None:
                _put(made, one, child, where, depth + 1)
    return made


def _put(made: dict[str, Any], one: _Field, child: "Element", where: str, depth: int) -> None:
    if one.wrapped:
        made.setdefault(one.key, []).extend(_content(one, item, where, depth) for item in child)
    elif one.listed:
        made.setdefault(one.key, []).append(_content(one, child, where, depth))
    elif one.shape == "licenses":
        found = _read(one.shape, child, where, depth)
        made[one.key] = [{kind: item} for kind, items in found.items() for item in items]
    else:
        made[one.key] = _content(one, child, where, depth)


def _content(one: _Field, element: "Element", where: str, depth: int) -> Any:
    if not one.shape:
        return element.text or ""
    found = _read(one.shape, element, where, depth)
    return found.get("ref", "") if one.shape == "ref" else found
