# SPDX-License-Identifier: Apache-2.0
"""What SARIF 2.1.0 (with errata 01) asks of the objects we write, as a closed JSON Schema in our own words.

Closed: whatever we may not write by the standard, or do not write yet, is refused, so that a new property has to be
looked up in the standard first. The official schema accepts all that this one does.
"""

from typing import Any, Final

_TEXT: Final = {"type": "string"}
_SOME_TEXT: Final = {"type": "string", "minLength": 1}
_BAG: Final = {"type": "object"}
_LEVEL: Final = {"enum": ["none", "note", "warning", "error"]}


def _closed(required: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": required.split(),
        "additionalProperties": False,
    }


def _list(items: Any, *, least: int = 0, unique: bool = False) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": least, "uniqueItems": unique}


# Section 3.11.8 to 3.12.3: `text` has to be there, and `markdown` never alone.
_MESSAGE: Final = _closed("text", text=_TEXT)
_MULTIFORMAT: Final = _closed("text", text=_TEXT, markdown=_TEXT)
_RULE: Final = _closed(  # section 3.49
    "id",
    id=_SOME_TEXT,
    name=_TEXT,
    shortDescription=_MULTIFORMAT,
    fullDescription=_MULTIFORMAT,
    help=_MULTIFORMAT,
    helpUri={"type": "string", "format": "uri"},
    defaultConfiguration=_closed("", level=_LEVEL),
    properties=_BAG,
)
_LOCATION: Final = _closed(  # sections 3.28 to 3.33
    "",
    physicalLocation=_closed(
        "artifactLocation",
        artifactLocation=_closed("uri", uri={"type": "string", "format": "uri-reference", "minLength": 1}),
        region=_closed("startLine", startLine={"type": "integer", "minimum": 1}),
    ),
    logicalLocations=_list(_closed("", name=_TEXT, fullyQualifiedName=_TEXT, kind=_TEXT), unique=True),
)
_RESULT: Final = _closed(  # section 3.27
    "message ruleId ruleIndex level",
    ruleId=_SOME_TEXT,
    ruleIndex={"type": "integer", "minimum": 0},
    level=_LEVEL,
    message=_MESSAGE,
    locations=_list(_LOCATION),
    partialFingerprints={"type": "object", "additionalProperties": _TEXT},
    rank={"type": "number", "minimum": 0, "maximum": 100},
    suppressions=_list(
        _closed(
            "kind",
            kind={"enum": ["inSource", "external"]},
            status={"enum": ["accepted", "underReview", "rejected"]},
            justification=_TEXT,
        ),
        unique=True,
    ),
    properties=_BAG,
)
_RUN: Final = _closed(  # section 3.14
    "tool results",
    tool=_closed(
        "driver",
        driver=_closed(
            "name",
            name=_SOME_TEXT,
            version=_TEXT,
            semanticVersion=_TEXT,
            informationUri={"type": "string", "format": "uri"},
            rules=_list(_RULE, unique=True),
        ),
    ),
    automationDetails=_closed("id", id=_TEXT),
    columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
    invocations=_list(
        _closed(
            "executionSuccessful",
            executionSuccessful={"type": "boolean"},
            toolExecutionNotifications=_list(_closed("message", level=_LEVEL, message=_MESSAGE)),
        )
    ),
    results=_list(_RESULT),
    properties=_BAG,
)
SARIF: Final = _closed(
    "version runs",
    **{"$schema": {"type": "string", "format": "uri"}},
    version={"const": "2.1.0"},
    runs=_list(_RUN, least=1),
)
"""A log of ours."""
