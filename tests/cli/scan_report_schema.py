# SPDX-License-Identifier: Apache-2.0
"""Makes docs/reference/scan-report.schema.json from the values themselves.

Run `python tests/cli/scan_report_schema.py > docs/reference/scan-report.schema.json` after the report has changed, and
raise `SCHEMA_VERSION`.
"""

import json
import sys
from typing import Any, Final

import msgspec

from tidegate.artifact import Digest
from tidegate.evidence import ScanReport
from tidegate.evidence.scan_report import SCHEMA_VERSION

_DIGEST: Final = {"type": "string", "pattern": "^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$"}


def scan_report_schema() -> dict[str, Any]:
    """The schema: every field there is, all of them required, more of them allowed (a later minor version adds)."""
    _, definitions = msgspec.json.schema_components([ScanReport], schema_hook=_hook, ref_template="#/$defs/{name}")
    for definition in definitions.values():
        if "properties" in definition:
            definition["required"] = sorted(definition["properties"])
        for name in ("description", "title"):
            definition.pop(name, None)
    # More kinds come with more catalogers, which is no new major version.
    definitions["PackageKind"] = {"type": "string"}
    report = definitions.pop("ScanReport")
    report["properties"]["schema_version"] = {"type": "string", "pattern": r"^1\.[0-9]+\.[0-9]+$"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://tidegate.dev/schemas/scan-report/v1.json",
        "title": f"tidegate scan report {SCHEMA_VERSION}",
        **report,
        "$defs": dict(sorted(definitions.items())),
    }


def _hook(kind: type) -> dict[str, Any]:
    if kind is Digest:
        return dict(_DIGEST)
    raise NotImplementedError


if __name__ == "__main__":
    sys.stdout.write(json.dumps(scan_report_schema(), indent=2) + "\n")
