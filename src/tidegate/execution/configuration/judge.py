# SPDX-License-Identifier: Apache-2.0
"""One ConfigMap or Secret before the gate: its own decision, whatever becomes of the workloads beside it. Pure."""

from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Final

from tidegate.artifact import Digest
from tidegate.evidence import Reason, Verdict
from tidegate.execution.configuration.configuration import Configuration
from tidegate.execution.configuration.rules import ConfigurationRule, ConfigurationRules
from tidegate.values import Struct

FindSecrets = Callable[[Mapping[str, bytes]], Mapping[str, tuple[str, ...]]]
"""Which kinds of secrets there are in content, by its key; the secrets themselves are not told."""
_RULE: Final = "execution/configuration"
_SHOWN: Final = 10


class ConfigurationReview(Struct, frozen=True, kw_only=True):
    """What is said of one.

    Attributes:
        digest: of its content under its name.
        rule: that held for it.
        used_by: workloads that came with it and name it.
    """

    kind: str
    namespace: str
    name: str
    digest: Digest
    allowed: bool
    rule: str
    reasons: tuple[Reason, ...]
    used_by: tuple[str, ...]


def judge_configuration(
    configuration: Configuration,
    rules: ConfigurationRules,
    used_by: tuple[str, ...],
    find_secrets: FindSecrets | None,
) -> ConfigurationReview:
    """Judges one by the first rule that speaks of it.

    Args:
        configuration: as it shall be.
        rules: of the house.
        used_by: workloads that name it.
        find_secrets: looks through content; with None a ConfigMap that is not to hold secrets is denied.
    """
    rule = rules.rule_for(configuration, used_by)
    reasons = tuple(one for one in _reasons(configuration, rule, find_secrets) if one.verdict is not Verdict.ALLOW)
    return ConfigurationReview(
        kind=configuration.kind,
        namespace=configuration.namespace,
        name=configuration.name,
        digest=configuration.digest,
        allowed=not any(one.verdict is Verdict.DENY for one in reasons),
        rule=rule.name,
        reasons=reasons,
        used_by=used_by,
    )


def _reasons(
    configuration: Configuration, rule: ConfigurationRule, find_secrets: FindSecrets | None
) -> Iterator[Reason]:
    if configuration.size > rule.max_bytes:
        message = f"holds {configuration.size} bytes, more than {rule.max_bytes}"
        yield _reason("size", Verdict.DENY, configuration, "", message, "put it into the image, or on a volume")
    if configuration.kind == "ConfigMap" and rule.secrets is not Verdict.ALLOW:
        yield from _secrets(configuration, rule, find_secrets)
    if not configuration.immutable:
        message, fix = "can be changed in place, under a workload that runs", "set immutable, and a new name a change"
        yield _reason("mutable", rule.mutable, configuration, "", message, fix)
    for key in configuration.entries:
        if any(fnmatchcase(key, pattern) for pattern in rule.code_keys):
            message, fix = "changes what code runs, without an image that was judged", "put it into the image"
            yield _reason("code", rule.code, configuration, key, message, fix)


def _secrets(
    configuration: Configuration, rule: ConfigurationRule, find_secrets: FindSecrets | None
) -> Iterator[Reason]:
    if find_secrets is None:
        yield _reason("secrets", Verdict.DENY, configuration, "", "was not searched for secrets", "ask the server")
        return
    for key, kinds in find_secrets(configuration.entries).items():
        message = f"holds a secret: {', '.join(kinds[:_SHOWN])}"
        fix = "put it into a Secret, and replace it: who could read this has it"
        yield _reason("secrets", rule.secrets, configuration, key, message, fix)


def _reason(control: str, verdict: Verdict, configuration: Configuration, key: str, message: str, fix: str) -> Reason:
    place = f"{configuration}, key {key}" if key else str(configuration)
    return Reason(rule=f"{_RULE}/{control}", verdict=verdict, message=f"{place}: {message}", item=key, fix=fix)
