# SPDX-License-Identifier: Apache-2.0
"""A notice as SARIF 2.1.0, for code hosts that take such files: what is mended is left out, which closes it there."""

from typing import Any, Final

from tidegate.bounds import printable
from tidegate.curation.feedback.notice import Notice, Severity, Turn
from tidegate.wire import to_json

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVEL: Final = {Severity.LOW: "note", Severity.MEDIUM: "warning", Severity.HIGH: "error", Severity.CRITICAL: "error"}
_SCORE: Final = {Severity.LOW: "3.0", Severity.MEDIUM: "5.5", Severity.HIGH: "8.0", Severity.CRITICAL: "9.5"}


def sarif_of(notice: Notice, *, version: str, place: str = "Dockerfile") -> bytes:
    """The file.

    Args:
        notice: what it says.
        version: of tidegate.
        place: file of the sources that results are shown at.
    """
    objections = () if notice.turn is Turn.CLOSED else notice.objections
    rule = f"tidegate-{notice.cause}"
    results: list[dict[str, Any]] = [
        {
            "ruleId": rule,
            "level": _LEVEL[notice.severity],
            "message": {"text": printable(_text(one.item, one.message, one.fix))},
            "locations": [{"physicalLocation": {"artifactLocation": {"uri": place}, "region": {"startLine": 1}}}],
            "partialFingerprints": {"tidegateCase/v1": f"{notice.case}:{printable(one.item or one.message)[:200]}"},
        }
        for one in objections
    ]
    described = {
        "id": rule,
        "shortDescription": {"text": f"An image was {notice.cause}"},
        "properties": {"security-severity": _SCORE[notice.severity], "tags": ["security"]},
    }
    driver = {"name": "tidegate", "version": version, "rules": [described]}
    run = {"tool": {"driver": driver}, "automationDetails": {"id": f"tidegate/{notice.case}/"}, "results": results}
    return to_json({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})


def _text(item: str, message: str, fix: str) -> str:
    whole = message if not item or item in message else f"{item}: {message}"
    return f"{whole}. Fix: {fix}" if fix else whole
