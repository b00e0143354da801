# SPDX-License-Identifier: Apache-2.0
"""Asks a set of checks of one thing."""

from collections.abc import Sequence
from typing import Any, Final

from tidegate.bounds import printable
from tidegate.checks.check import Check, CheckSet
from tidegate.checks.material import Material, Spot
from tidegate.errors import InvalidInputError
from tidegate.evidence import Misconfiguration
from tidegate.rules.expression import EvaluationError, Objection, objections

MAX_OBJECTIONS: Final = 200
"""Objections of one check that are told; one more says how many there are beside."""
MAX_TEXT_CHARS: Final = 1000


def run_checks(checks: CheckSet, material: Material) -> list[Misconfiguration]:
    """What the checks object to, by check and in the order of the material.

    Raises:
        InvalidInputError: a check cannot be evaluated over what it was given; it names the check.
    """
    staged: dict[str, list[Any]] = {}
    found: list[Misconfiguration] = []
    for check in checks.checks:
        name = check.each.name if check.each else ""
        if name not in staged:
            members = material.collections.get(name, ())
            values = [{**member, "index": at} for at, (member, _) in enumerate(members)]
            staged[name] = checks.runtime.stage(material.variables, name, values)
        try:
            told = objections(check.program, staged[name])
        except EvaluationError as error:
            problem = f"the check {check.id} cannot be evaluated: {error}"
            raise InvalidInputError(problem, where=material.spot.location) from error
        found += _misconfigurations(check, told, material, checks.subject.name)
    return found


def _misconfigurations(
    check: Check, told: Sequence[Objection], material: Material, subject: str
) -> list[Misconfiguration]:
    members = material.collections.get(check.each.name, ()) if check.each else ()
    spots = [members[one.index][1] if one.index >= 0 else material.spot for one in told]
    made = [
        _misconfiguration(check, one.message, one.fix, spot, subject)
        for one, spot in zip(told[:MAX_OBJECTIONS], spots, strict=False)
    ]
    if len(told) > MAX_OBJECTIONS:
        more = f"and {len(told) - MAX_OBJECTIONS} more"
        made.append(_misconfiguration(check, more, told[0].fix, material.spot, subject))
    return made


def _misconfiguration(check: Check, reason: str, fix: str, spot: Spot, subject: str) -> Misconfiguration:
    return Misconfiguration(
        id=check.id,
        title=check.title,
        severity=check.severity,
        reason=printable(reason[:MAX_TEXT_CHARS]),
        fix=printable(fix[:MAX_TEXT_CHARS]),
        references=check.references,
        subject=subject,
        location=spot.location,
        line=spot.line,
        part=printable(spot.part[:MAX_TEXT_CHARS]),
    )
