# SPDX-License-Identifier: Apache-2.0
"""What CSAF 2.0 (section 3.2) asks of the objects we write, as a closed JSON Schema in our own words.

Closed: whatever we do not write yet is refused, so that a new property has to be looked up in the standard first. The
official schema accepts all that this one does.
"""

from typing import Any, Final

_TEXT: Final = {"type": "string", "minLength": 1}
_MOMENT: Final = {"type": "string", "format": "date-time", "pattern": r"T.*(?:Z|[+-]\d\d:\d\d)$"}


def _closed(required: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": required.split(),
        "additionalProperties": False,
        "minProperties": 1,
    }


def _list(items: Any, *, unique: bool = False) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": 1, "uniqueItems": unique}


_IDS: Final = _list(_TEXT, unique=True)
_PRODUCT: Final = _closed(
    "product_id name",
    product_id=_TEXT,
    name=_TEXT,
    product_identification_helper=_closed(
        "",
        purl={"type": "string", "minLength": 7, "pattern": r"^pkg:[A-Za-z.\-+][A-Za-z0-9.\-+]*/.+"},
        cpe={
            "type": "string",
            "minLength": 5,
            "pattern": r"^(?:cpe:2\.3:[aho*\-](?::[^:]+){10}|[cC][pP][eE]:/[AHOaho]?.*)$",
        },
    ),
)
CSAF: Final = _closed(
    "document",
    document=_closed(
        "category csaf_version publisher title tracking",
        category={"const": "csaf_vex"},
        csaf_version={"const": "2.0"},
        publisher=_closed(
            "category name namespace",
            category={"enum": ["coordinator", "discoverer", "other", "translator", "user", "vendor"]},
            name=_TEXT,
            namespace={"type": "string", "format": "uri"},
        ),
        title=_TEXT,
        tracking=_closed(
            "current_release_date id initial_release_date revision_history status version",
            id={"type": "string", "pattern": r"^\S(?:.*\S)?$"},
            version={"type": "string", "pattern": r"^(?:0|[1-9][0-9]*)$"},
            status={"enum": ["draft", "final", "interim"]},
            initial_release_date=_MOMENT,
            current_release_date=_MOMENT,
            revision_history=_list(_closed("date number summary", date=_MOMENT, number=_TEXT, summary=_TEXT)),
        ),
    ),
    product_tree=_closed(
        "",
        full_product_names=_list(_PRODUCT),
        relationships=_list(
            _closed(
                "category full_product_name product_reference relates_to_product_reference",
                category={"const": "default_component_of"},
                full_product_name=_PRODUCT,
                product_reference=_TEXT,
                relates_to_product_reference=_TEXT,
            )
        ),
    ),
    vulnerabilities=_list(
        _closed(
            "product_status notes",
            cve={"type": "string", "pattern": r"^CVE-[0-9]{4}-[0-9]{4,}$"},
            ids=_list(_closed("system_name text", system_name=_TEXT, text=_TEXT), unique=True),
            notes=_list(_closed("category text", category={"const": "description"}, text=_TEXT)),
            product_status=_closed(
                "",
                fixed=_IDS,
                known_affected=_IDS,
                known_not_affected=_IDS,
                under_investigation=_IDS,
            ),
            flags=_list(
                _closed(
                    "label",
                    label={
                        "enum": [
                            "component_not_present",
                            "inline_mitigations_already_exist",
                            "vulnerable_code_cannot_be_controlled_by_adversary",
                            "vulnerable_code_not_in_execute_path",
                            "vulnerable_code_not_present",
                        ]
                    },
                    product_ids=_IDS,
                ),
                unique=True,
            ),
            threats=_list(_closed("category details", category={"const": "impact"}, details=_TEXT, product_ids=_IDS)),
            remediations=_list(
                _closed("category details", category={"const": "mitigation"}, details=_TEXT, product_ids=_IDS)
            ),
        )
    ),
)
"""A document of ours."""
