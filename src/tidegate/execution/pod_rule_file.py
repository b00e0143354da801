# SPDX-License-Identifier: Apache-2.0
"""Rules of pods from YAML, as docs/reference/pods.md has them; refused whole when anything is unknown."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from tidegate.errors import InvalidInputError
from tidegate.execution.harden import HardenOptions
from tidegate.execution.pod_rules import VIOLATION, Demand, PodException, PodRule, PodRules
from tidegate.execution.quantity import parse_quantity
from tidegate.execution.rule_documents import few, rule_documents, unique, yes
from tidegate.execution.standards import Level, StandardVersion
from tidegate.execution.workload_terms import EVERYTHING, TERM_KEYS, WORKLOAD, Terms, terms_in
from tidegate.identity.condition import Condition
from tidegate.policy.exception import same_person
from tidegate.rules.document import each_of, header_and_spec
from tidegate.rules.marked_yaml import Node
from tidegate.rules.reading import Fields, as_member, as_scalar, defect

KIND: Final = "PodRules"
MAX_RULES: Final = 500
MAX_EXCEPTIONS: Final = 2000
MAX_EXCEPTION_DAYS: Final = 90
_MAX_UID: Final = 2**31 - 1
_MAX_RATIO: Final = 1000
_KEYS: Final = (
    "name", "description", *TERM_KEYS, "level", "version", "fill", "user", "bindLowPorts", "writable", "writableSize",
    "seccompProfiles", "tokenWhen", "requests", "limits", "ceilings", "maxRatio", "demands",
)  # fmt: skip
_EXCEPTION_KEYS: Final = (
    "name", "controls", *TERM_KEYS, "containers", "owner", "approver", "reason", "granted", "expires",
)  # fmt: skip


def load_pod_rules(files: Mapping[str, str]) -> PodRules:
    """Reads the rules of any number of files, in the order of the files and within them.

    Args:
        files: text by file name; the name stands in errors.

    Raises:
        DocumentError: something is wrong; it carries every defect of the first document that has any.
        BoundExceededError: a document is over a bound.
    """
    rules: list[PodRule] = []
    exceptions: list[PodException] = []
    for node in rule_documents(files, KIND):
        found = each_of([node], _document)[0]
        rules += found.rules
        exceptions += found.exceptions
    return PodRules(rules=tuple(rules), exceptions=tuple(exceptions))


def _document(node: Node) -> PodRules:
    _, spec = header_and_spec(node, "rules", "exceptions")
    rules = few(spec.listing("rules"), "MAX_RULES", MAX_RULES)
    exceptions = few(spec.listing("exceptions"), "MAX_EXCEPTIONS", MAX_EXCEPTIONS)
    if not rules and not exceptions:
        raise defect(node, "no rules in it", "add one to spec.rules")
    made = PodRules(rules=each_of(rules, _rule), exceptions=each_of(exceptions, _exception))
    unique(rules, [one.name for one in made.rules])
    unique(exceptions, [one.name for one in made.exceptions])
    return made


def _rule(node: Node) -> PodRule:
    fields = Fields.of(node, *_KEYS)
    level, token = fields.optional("level"), fields.optional("tokenWhen")
    ratio = _ratios(fields)
    return PodRule(
        name=fields.name("name"),
        terms=terms_in(fields),
        level=Level.RESTRICTED if level is None else as_member(level, Level),
        version=_version(fields),
        harden=_harden(fields, ratio) if yes(fields, "fill", default=True) else None,
        token_when=None if token is None else Condition.of(as_scalar(token), WORKLOAD),
        demands=frozenset(as_member(one, Demand) for one in fields.listing("demands")),
        ceilings=_quantities(fields, "ceilings"),
        max_ratio=ratio,
    )


def _version(fields: Fields) -> StandardVersion:
    text = fields.text("version", "latest")
    try:
        return StandardVersion.parse(text)
    except InvalidInputError as error:
        raise defect(fields.node("version"), error.what, error.remedy) from error


def _harden(fields: Fields, ratio: Mapping[str, int]) -> HardenOptions:
    usual = HardenOptions()
    requests = {**usual.requests, **_quantities(fields, "requests")}
    limits = {**usual.limits, **_quantities(fields, "limits")}
    _check_defaults(fields, requests, limits, ratio)
    written = fields.optional("writable")
    return HardenOptions(
        user=fields.whole_number("user", usual.user, most=_MAX_UID),
        keep_net_bind_service=yes(fields, "bindLowPorts"),
        writable=usual.writable if written is None else each_of(fields.listing("writable"), _folder),
        writable_size=_size(fields, usual.writable_size),
        seccomp_profiles=each_of(fields.listing("seccompProfiles"), _seccomp),
        requests=requests,
        limits=limits,
        max_ratio=ratio,
    )


def _check_defaults(
    fields: Fields, requests: Mapping[str, str], limits: Mapping[str, str], ratio: Mapping[str, int]
) -> None:
    """What is filled in must itself pass the rule."""
    ceilings = _quantities(fields, "ceilings")
    for name, limit in limits.items():
        most, request = parse_quantity(limit), requests.get(name)
        if name in ceilings and most > parse_quantity(ceilings[name]):
            raise defect(fields.table, f"the limit of {name} that is filled in, {limit}, is over the ceiling")
        if request is not None and parse_quantity(request) > most:
            raise defect(fields.table, f"the request of {name} that is filled in, {request}, is over its limit")
        if request is not None and name in ratio and most > parse_quantity(request) * ratio[name]:
            raise defect(fields.table, f"what is filled in for {name} is over maxRatio")


def _quantities(fields: Fields, key: str) -> dict[str, str]:
    node = fields.optional(key)
    if node is None:
        return {}
    listed = Fields.of(node, "cpu", "memory", "ephemeral-storage")
    return {name: _quantity(listed.node(name)) for name in listed.table.entries}


def _quantity(node: Node) -> str:
    text = as_scalar(node).text
    try:
        if parse_quantity(text) > 0:
            return text
    except InvalidInputError as error:
        raise defect(node, error.what, error.remedy) from error
    raise defect(node, f"not more than nothing: {text[:40]!r}")


def _size(fields: Fields, usual: str) -> str:
    node = fields.optional("writableSize")
    return usual if node is None else _quantity(node)


def _ratios(fields: Fields) -> dict[str, int]:
    node = fields.optional("maxRatio")
    if node is None:
        return {}
    listed = Fields.of(node, "cpu", "memory")
    return {name: listed.whole_number(name, 1, most=_MAX_RATIO) for name in listed.table.entries}


def _folder(node: Node) -> str:
    text = as_scalar(node).text
    folder = text.rstrip("/")
    if not folder.startswith("/") or {"", ".", ".."} & {*folder.split("/")[1:]}:
        raise defect(node, f"no folder to write to: {text[:80]!r}", "write an absolute path below /")
    return folder


def _seccomp(node: Node) -> tuple[str, str]:
    fields = Fields.of(node, "image", "profile")
    profile = fields.text("profile")
    if profile.startswith("/") or ".." in profile.split("/"):
        raise defect(fields.node("profile"), "leaves the kubelet's folder of profiles", "write a path below it")
    return fields.text("image"), profile


def _exception(node: Node) -> PodException:
    fields = Fields.of(node, *_EXCEPTION_KEYS)
    when = fields.optional("when")
    terms = terms_in(Fields(fields.table)) if when is None else _without_condition(fields)
    found = PodException(
        name=fields.name("name"),
        controls=fields.texts("controls"),
        terms=terms,
        containers=fields.texts("containers") or EVERYTHING,
        when=None if when is None else Condition.of(as_scalar(when), WORKLOAD, VIOLATION),
        owner=fields.text("owner"),
        approver=fields.text("approver"),
        reason=fields.text("reason"),
        granted=fields.day("granted"),
        expires=fields.day("expires"),
    )
    _check_exception(found, fields)
    return found


def _without_condition(fields: Fields) -> Terms:
    return Terms(
        clusters=fields.texts("clusters") or EVERYTHING,
        namespaces=fields.texts("namespaces") or EVERYTHING,
        kinds=fields.texts("kinds") or EVERYTHING,
    )


def _check_exception(found: PodException, fields: Fields) -> None:
    if not found.controls:
        raise defect(fields.table, "silences nothing", "name controls, such as host-path")
    for name in ("owner", "approver", "reason"):
        if not getattr(found, name):
            raise defect(fields.node(name), f"the {name} is empty")
    if same_person(found.owner) == same_person(found.approver):
        raise defect(fields.node("approver"), "the owner cannot approve", "let somebody else approve it")
    if found.terms == Terms() and found.when is None:
        raise defect(fields.table, "speaks of every workload", "name namespaces or kinds, or say when")
    lasts = found.expires - found.granted
    if not timedelta(0) <= lasts <= timedelta(days=MAX_EXCEPTION_DAYS):
        raise defect(fields.node("expires"), f"lasts {lasts.days} days", f"0 to {MAX_EXCEPTION_DAYS}")
