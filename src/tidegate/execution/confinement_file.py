# SPDX-License-Identifier: Apache-2.0
"""Rules of confinement from YAML, as docs/reference/confinement.md has them; refused whole when anything is unknown."""

from collections.abc import Mapping
from typing import Final

from tidegate.execution.capabilities import is_capability
from tidegate.execution.confinement import LEVELS, PRIVILEGED, ConfinementClass, ConfinementRule, ConfinementRules
from tidegate.execution.drift_rules import EVERYTHING, DriftRule, Mode
from tidegate.execution.rule_documents import few, patterns, rule_documents, unique, yes
from tidegate.rules.document import each_of, header_and_spec
from tidegate.rules.marked_yaml import Node
from tidegate.rules.reading import Fields, as_member, as_scalar, defect

KIND: Final = "ConfinementRules"
MAX_CLASSES: Final = 100
MAX_RULES: Final = 500
_CLASS_KEYS: Final = ("name", "description", "seccomp", "noNewPrivileges", "nonRoot", "capabilities", "lsm")
_RULE_KEYS: Final = ("name", "description", "containers", "images", "namespaces", "pods", "class", "mode")

_Classes = Mapping[str, ConfinementClass]


def load_confinement_rules(files: Mapping[str, str], *, otherwise: ConfinementClass = PRIVILEGED) -> ConfinementRules:
    """Reads the rules of any number of files, in the order of the files and within them.

    Args:
        files: text by file name; the name stands in errors.
        otherwise: of workloads that no rule speaks of, when no document says.

    Raises:
        DocumentError: something is wrong; it carries every defect of the first document that has any.
        BoundExceededError: a document is over a bound.
    """
    rules: list[ConfinementRule] = []
    for node in rule_documents(files, KIND):
        found, said = each_of([node], _document)[0]
        rules += found
        otherwise = said or otherwise
    return ConfinementRules(rules=tuple(rules), otherwise=otherwise)


def _document(node: Node) -> tuple[tuple[ConfinementRule, ...], ConfinementClass | None]:
    _, spec = header_and_spec(node, "classes", "rules", "otherwise")
    nodes = few(spec.listing("classes"), "MAX_CLASSES", MAX_CLASSES)
    own = each_of(nodes, _class)
    names = [*(one.name for one in LEVELS), *(one.name for one in own)]
    unique((*[node] * len(LEVELS), *nodes), names)
    classes = {one.name: one for one in (*LEVELS, *own)}
    rules = each_of(few(spec.listing("rules"), "MAX_RULES", MAX_RULES), lambda one: _rule(one, classes))
    said = spec.optional("otherwise")
    if not rules and said is None:
        raise defect(node, "no rules in it", "add one to spec.rules, or say what spec.otherwise is")
    return rules, None if said is None else _known(said, classes)


def _class(node: Node) -> ConfinementClass:
    fields = Fields.of(node, *_CLASS_KEYS)
    listed = fields.optional("capabilities")
    nodes = few(fields.listing("capabilities"), "MAX_CLASSES", MAX_CLASSES)
    return ConfinementClass(
        name=fields.name("name"),
        seccomp=yes(fields, "seccomp"),
        no_new_privileges=yes(fields, "noNewPrivileges"),
        non_root=yes(fields, "nonRoot"),
        capabilities=None if listed is None else each_of(nodes, _capability),
        lsm=patterns(fields, "lsm"),
    )


def _capability(node: Node) -> str:
    name = as_scalar(node).text.removeprefix("CAP_")
    if not is_capability(name):
        raise defect(node, f"no capability is called {name[:40]!r}", "write it as NET_BIND_SERVICE")
    return name


def _rule(node: Node, classes: _Classes) -> ConfinementRule:
    fields = Fields.of(node, *_RULE_KEYS)
    mode = fields.optional("mode")
    found = Mode.ALERT if mode is None else as_member(mode, Mode)
    if found is Mode.ENFORCE:
        raise defect(fields.node("mode"), "what runs is not confined anew", "write observe or alert")
    places = DriftRule(
        name=fields.name("name"),
        containers=patterns(fields, "containers") or EVERYTHING,
        images=patterns(fields, "images") or EVERYTHING,
        namespaces=patterns(fields, "namespaces") or EVERYTHING,
        pods=patterns(fields, "pods") or EVERYTHING,
        mode=found,
    )
    return ConfinementRule(places=places, demanded=_known(fields.node("class"), classes))


def _known(node: Node, classes: _Classes) -> ConfinementClass:
    name = as_scalar(node).text
    if name not in classes:
        raise defect(node, f"no class is called {name[:40]!r}", f"there are {', '.join(classes)}")
    return classes[name]
