# SPDX-License-Identifier: Apache-2.0
"""XML of any origin as elements; entities and document types are refused."""

import re
from typing import Final
from xml.etree.ElementTree import Element, ParseError  # the types only; defusedxml reads

from tidegate.bounds import printable
from tidegate.errors import BoundExceededError, InvalidInputError

_ESCAPES: Final = re.compile(rb"encoding\s*=\s*[\"'][a-z_ -]*escape", re.IGNORECASE)
"""Python knows encodings of its own that the reader would take, and warn of on the way."""
_DECLARATION_BYTES: Final = 200
MAX_TAGS: Final = 500_000
"""Opening and closing tags of one file."""


def read_xml(content: bytes, *, where: str, max_tags: int = MAX_TAGS) -> Element:
    """Reads a file to its root element.

    Raises:
        BoundExceededError: over `max_tags`.
        InvalidInputError: it is not XML, or it declares a document type or entities.
    """
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    if content.count(b"<") > max_tags:
        raise BoundExceededError("MAX_TAGS", max_tags, where=where)
    if _ESCAPES.search(content, 0, _DECLARATION_BYTES):
        raise InvalidInputError("not XML: an encoding that is none of text", where=where)
    try:
        root: Element = fromstring(content, forbid_dtd=True)
    except DefusedXmlException as error:
        raise InvalidInputError("a document type or an entity in XML", where=where) from error
    except (ParseError, ValueError, LookupError) as error:  # an encoding nobody knows is a LookupError
        raise InvalidInputError(f"not XML: {printable(str(error)[:200])}", where=where) from error
    return root


def tag(element: Element) -> str:
    """The element's name without its namespace."""
    return element.tag.rpartition("}")[2]


def child(element: Element | None, name: str) -> Element | None:
    """The first child of that name, in whatever namespace."""
    return next((it for it in element if tag(it) == name), None) if element is not None else None


def children(element: Element | None, name: str) -> list[Element]:
    """All children of that name."""
    return [it for it in element if tag(it) == name] if element is not None else []


def said(element: Element | None, name: str) -> str:
    """The text of the first child of that name, trimmed; "" when there is none."""
    found = child(element, name)
    return (found.text or "").strip() if found is not None else ""
