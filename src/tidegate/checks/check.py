# SPDX-License-Identifier: Apache-2.0
"""Checks as values, read from YAML (docs/reference/checks.md); a set with anything unknown in it is refused whole."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Final

from tidegate.checks.material import Subject
from tidegate.checks.subjects import SUBJECTS
from tidegate.checks.trusted import TrustingChecker
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.evidence import Severity
from tidegate.rules.expression import Checker, Runtime
from tidegate.rules.field import Collection
from tidegate.rules.marked_yaml import Node, read_documents
from tidegate.rules.reading import DocumentError, Fields, as_member, as_scalar, defect, suggestion

API_VERSION: Final = "tidegate.dev/v1"
MAX_CHECKS: Final = 500

_CHECK_KEYS: Final = ("id", "title", "severity", "references", "each", "when", "reason", "fix")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that should not be.

    Attributes:
        id: stable for ever, like `TG-IMG-001`.
        each: what it is asked of each of; None asks once of the whole.
        when: the CEL expression that objects when true.
        program: the compiled expression.
    """

    id: str
    title: str
    severity: Severity
    references: tuple[str, ...]
    each: Collection | None
    when: str
    program: Any = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSet:
    """Checks of one subject that are evaluated together."""

    name: str
    description: str
    subject: Subject
    checks: tuple[Check, ...]
    runtime: Runtime = field(repr=False, compare=False)


def load_checks(text: str, *, file: str) -> tuple[CheckSet, ...]:
    """Reads every set of a file.

    Raises:
        DocumentError: something is wrong; it carries every defect of the first set that has any.
        BoundExceededError: over `MAX_CHECKS`, or a bound of the reader.
    """
    sets = tuple(_set(node, is_trusted=False) for node in read_documents(text, file=file))
    seen: dict[str, str] = {}
    for found in sets:
        for check in found.checks:
            if check.id in seen:
                problem = f"two checks are called {check.id}: in {seen[check.id]} and in {found.name}"
                raise DocumentError([InvalidInputError(problem, where=file)])
            seen[check.id] = found.name
    return sets


@cache
def own_checks(subject: str) -> CheckSet:
    """The checks that come with tidegate for a subject."""
    (node,) = read_documents(own_text(subject), file=f"{subject}.yaml")
    return _set(node, is_trusted=True)


def own_text(subject: str) -> str:
    """The file those checks are written in."""
    return files("tidegate.checks").joinpath("sets", f"{subject}.yaml").read_text()


def _set(node: Node, *, is_trusted: bool) -> CheckSet:
    defects: list[InvalidInputError] = []
    checks: list[Check] = []
    try:
        document = Fields.of(node, "apiVersion", "kind", "metadata", "spec")
        _check_header(document)
        metadata = Fields.of(document.node("metadata"), "name", "description")
        spec = Fields.of(document.node("spec"), "subject", "checks")
        subject = _subject(spec)
        nodes = spec.listing("checks")
        name, description = metadata.name("name"), metadata.text("description", "")
    except InvalidInputError as error:
        raise DocumentError([error]) from error
    if len(nodes) > MAX_CHECKS:
        raise BoundExceededError("MAX_CHECKS", MAX_CHECKS, where=str(node.place))
    runtime = Runtime(subject.variables)
    for one in nodes:
        try:
            checks.append(_check(one, subject, runtime, is_trusted=is_trusted))
        except BoundExceededError:
            raise
        except DocumentError as error:
            defects += error.defects
        except InvalidInputError as error:
            defects.append(error)
    if defects:
        raise DocumentError(defects)
    return CheckSet(name=name, description=description, subject=subject, checks=tuple(checks), runtime=runtime)


def _check_header(document: Fields) -> None:
    if document.text("apiVersion") != API_VERSION:
        raise defect(document.node("apiVersion"), "unknown apiVersion", f"write {API_VERSION}")
    if document.text("kind") != "Checks":
        raise defect(document.node("kind"), f"not Checks but {document.text('kind')[:40]!r}")


def _subject(spec: Fields) -> Subject:
    name = spec.scalar("subject")
    if name.text not in SUBJECTS:
        raise defect(name, f"unknown subject {name.text[:40]!r}", suggestion(name.text, SUBJECTS))
    return SUBJECTS[name.text]


def _check(node: Node, subject: Subject, runtime: Runtime, *, is_trusted: bool) -> Check:
    fields = Fields.of(node, *_CHECK_KEYS)
    each = _each(fields, subject.collections)
    checker = TrustingChecker() if is_trusted else Checker(subject.variables, reads=(), each=each)
    texts = (fields.scalar("when"), fields.scalar("reason"), fields.scalar("fix"))
    defects: list[InvalidInputError] = []
    made: list[str] = []
    for text, make in zip(texts, (checker.condition, checker.template, checker.template), strict=True):
        try:
            made.append(make(text))
        except InvalidInputError as error:
            defects.append(error)
    if defects:
        raise DocumentError(defects)
    when, reason, fix = made
    references = fields.texts("references")
    if not references:
        raise defect(node, "names no reference", "name the clause of a standard")
    return Check(
        id=fields.text("id"),
        title=fields.text("title"),
        severity=as_member(fields.node("severity"), Severity),
        references=references,
        each=each,
        when=when.strip(),
        program=runtime.program(each=each, when=when, message=reason, fix=fix),
    )


def _each(fields: Fields, collections: Mapping[str, Collection]) -> Collection | None:
    node = fields.optional("each")
    if node is None:
        return None
    name = as_scalar(node).text
    if name not in collections:
        raise defect(node, f"unknown collection {name[:40]!r}", suggestion(name, collections))
    return collections[name]
