# SPDX-License-Identifier: Apache-2.0
"""Trusted issuers from YAML, as docs/reference/access.md has them; refused whole when anything is unknown or wrong."""

import re
from collections.abc import Iterable
from typing import Final

from tidegate.errors import InvalidInputError, UsageError
from tidegate.identity.condition import TOKEN, Condition
from tidegate.identity.issuer import OPENID, Issuer, People, Workload
from tidegate.identity.principal import foreign_name, group_name
from tidegate.outbound.address import check_url
from tidegate.rules.marked_yaml import Node, Scalar, read_documents
from tidegate.rules.reading import DocumentError, Fields, defect

API_VERSION: Final = "tidegate.dev/v1"
KIND: Final = "TrustedIssuers"
MAX_ISSUERS: Final = 50
MAX_WORKLOADS: Final = 500
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")
_SCOPE: Final = re.compile(r"[!#-\[\]-~]{1,100}")
_RESERVED: Final = frozenset({"group", "cert"})


def load_issuers(text: str, *, file: str) -> tuple[Issuer, ...]:
    """Reads the issuers of a file.

    Raises:
        DocumentError: something is wrong; it carries every defect.
        BoundExceededError: the document is over a bound.
    """
    issuers: list[Issuer] = []
    for node in read_documents(text, file=file):
        fields = Fields.of(node, "apiVersion", "kind", "metadata", "spec")
        if fields.text("apiVersion") != API_VERSION or fields.text("kind") != KIND:
            raise defect(node, f"not {KIND} of {API_VERSION}")
        listed = Fields.of(fields.node("spec"), "issuers").listing("issuers")
        issuers += _each(listed)
    if len(issuers) > MAX_ISSUERS:
        raise InvalidInputError(f"over the limit MAX_ISSUERS = {MAX_ISSUERS}", where=file)
    for what in ("name", "url"):
        values = [getattr(issuer, what) for issuer in issuers]
        if len(set(values)) < len(values):
            raise InvalidInputError(f"two issuers of one {what}", where=file)
    return tuple(issuers)


def _each(nodes: Iterable[Node]) -> list[Issuer]:
    found, defects = [], []
    for node in nodes:
        try:
            found.append(_issuer(node))
        except InvalidInputError as error:
            defects.append(error)
    if defects:
        raise DocumentError(defects)
    return found


def _issuer(node: Node) -> Issuer:
    fields = Fields.of(node, "name", "issuer", "audience", "people", "workloads")
    name = fields.scalar("name")
    if not _NAME.fullmatch(name.text) or name.text in _RESERVED:
        raise defect(name, f"not an issuer's name: {name.text[:40]!r}", "use lower-case letters, digits and -")
    people = fields.optional("people")
    workloads = fields.listing("workloads")
    if (people is None) == (not workloads):
        raise defect(node, "an issuer speaks for people or for workloads", "name one of the two")
    if len(workloads) > MAX_WORKLOADS:
        raise defect(node, f"over the limit MAX_WORKLOADS = {MAX_WORKLOADS}")
    return Issuer(
        name=name.text,
        url=_url(fields.scalar("issuer")),
        audience=_filled(fields.scalar("audience")),
        people=_people(people) if people is not None else None,
        workloads=tuple(_workload(item, name.text) for item in workloads),
    )


def _people(node: Node) -> People:
    fields = Fields.of(node, "name", "groups", "scopes")
    scopes = fields.texts("scopes")
    if any(not _SCOPE.fullmatch(scope) for scope in scopes):
        raise defect(node, "a scope that is none (RFC 6749)", "use printable characters without blanks")
    return People(
        name_claim=fields.text("name", "sub"),
        groups_claim=fields.text("groups", ""),
        scopes=tuple(dict.fromkeys((OPENID, *scopes))),
    )


def _workload(node: Node, issuer: str) -> Workload:
    fields = Fields.of(node, "principal", "when", "groups")
    principal, when = fields.scalar("principal"), fields.scalar("when")
    try:
        foreign_name(issuer, principal.text)
        groups = frozenset(group_name(text) for text in fields.texts("groups"))
    except InvalidInputError as error:
        raise defect(principal, error.what, error.remedy) from error
    return Workload(name=principal.text, when=Condition.of(when, TOKEN), groups=groups)


def _url(scalar: Scalar) -> str:
    try:
        return check_url(scalar.text)
    except UsageError as error:
        raise defect(scalar, error.what, error.remedy) from error


def _filled(scalar: Scalar) -> str:
    if not scalar.text.strip():
        raise defect(scalar, "an empty audience", "name what the issuer's tokens must be for")
    return scalar.text
