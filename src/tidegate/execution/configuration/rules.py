# SPDX-License-Identifier: Apache-2.0
"""What is asked of ConfigMaps and Secrets. Values."""

from fnmatch import fnmatchcase
from typing import Final

from tidegate.bounds import MIB
from tidegate.evidence import Verdict
from tidegate.execution.configuration.configuration import Configuration
from tidegate.identity.condition import Condition
from tidegate.rules.field import FieldType, Variable
from tidegate.values import Struct

EVERYTHING: Final = ("*",)
CODE_KEYS: Final = (
    *(
        "*.sh",
        "*.bash",
        "*.py",
        "*.rb",
        "*.pl",
        "*.lua",
        "*.js",
        "*.mjs",
        "*.php",
        "*.groovy",
        "*.jar",
        "*.so",
        "*.wasm",
    ),
    *("entrypoint*", "LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "PATH", "BASH_ENV", "ENV", "PYTHONPATH"),
    *("PYTHONSTARTUP", "NODE_OPTIONS", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS", "PERL5OPT", "RUBYOPT"),
    *("GIT_SSH_COMMAND", "PROMPT_COMMAND"),
)
"""Keys that are programs, or that make a program run others."""
CONFIGURATION: Final = Variable(
    name="configuration",
    evidence="",
    fields={
        "kind": FieldType.STRING,
        "namespace": FieldType.STRING,
        "name": FieldType.STRING,
        "labels": FieldType.LABELS,
        "annotations": FieldType.LABELS,
        "keys": FieldType.STRINGS,
        "immutable": FieldType.BOOL,
        "size": FieldType.INT,
        "used_by": FieldType.STRINGS,
    },
)


class ConfigurationRule(Struct, frozen=True, kw_only=True):
    """What holds for some of them; `ALLOW` says nothing of a matter.

    Attributes:
        namespaces, kinds, names: shell patterns; all must fit.
        when: must hold over `configuration`; None asks nothing.
        secrets: of a secret found in a ConfigMap.
        mutable: of one that can be changed in place.
        code: of a key that changes what code runs.
        max_bytes: of all content; the API server takes 1 MiB.
    """

    name: str
    namespaces: tuple[str, ...] = EVERYTHING
    kinds: tuple[str, ...] = EVERYTHING
    names: tuple[str, ...] = EVERYTHING
    when: Condition | None = None
    secrets: Verdict = Verdict.DENY
    mutable: Verdict = Verdict.ALLOW
    code: Verdict = Verdict.WARN
    code_keys: tuple[str, ...] = CODE_KEYS
    max_bytes: int = MIB

    def fits(self, configuration: Configuration, used_by: tuple[str, ...]) -> bool:
        """True when it speaks of this one."""
        return (
            any(fnmatchcase(configuration.namespace, one) for one in self.namespaces)
            and any(fnmatchcase(configuration.kind, one) for one in self.kinds)
            and any(fnmatchcase(configuration.name, one) for one in self.names)
            and (self.when is None or self.when.holds({CONFIGURATION.name: _values(configuration, used_by)}))
        )


class ConfigurationRules(Struct, frozen=True, kw_only=True):
    """Rules in their order: the first that speaks of one holds for it."""

    rules: tuple[ConfigurationRule, ...] = ()

    def rule_for(self, configuration: Configuration, used_by: tuple[str, ...]) -> ConfigurationRule:
        """What holds for one."""
        found = (rule for rule in self.rules if rule.fits(configuration, used_by))
        return next(found, ConfigurationRule(name="otherwise"))


def _values(configuration: Configuration, used_by: tuple[str, ...]) -> dict[str, object]:
    return {
        "kind": configuration.kind,
        "namespace": configuration.namespace,
        "name": configuration.name,
        "labels": dict(configuration.labels),
        "annotations": dict(configuration.annotations),
        "keys": list(configuration.entries),
        "immutable": configuration.immutable,
        "size": configuration.size,
        "used_by": list(used_by),
    }
