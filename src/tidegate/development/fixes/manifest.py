# SPDX-License-Identifier: Apache-2.0
"""Safe edits of Kubernetes manifests: least privilege is said where nobody said anything, and nothing is overruled.

Only maps in block form are added to, each by lines of its own; what is in braces, or reached by an alias, stays.
A read-only root file system is not among them: what a program writes is not known from its manifest.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import yaml

from tidegate.checks.kubernetes import POD_AT
from tidegate.development.fixes.edit import Edit, line_end, line_starts
from tidegate.errors import InvalidInputError

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CONTAINERS: Final = ("initContainers", "containers")
_POD_WIDE: Final = ("runAsNonRoot", "seccompProfile")
_STEP: Final = "  "
_OTHER_LINE_ENDS: Final = re.compile("\\r(?!\\n)|[\\x85\\u2028\\u2029]")


def manifest_edits(text: str, *, where: str) -> list[Edit]:
    """Every edit that is safe, whether or not a check asks for it. The text has been read within bounds before.

    Raises:
        InvalidInputError: not YAML.
    """
    if _OTHER_LINE_ENDS.search(text):
        return []  # YAML counts lines by them, and no editor agrees on where those are
    file = _File(text)
    try:
        documents = list(yaml.compose_all(text, Loader=_LOADER))
    except yaml.YAMLError as error:
        raise InvalidInputError("not YAML", where=where) from error
    return [edit for document in documents for edit in file.of_document(document)]


class _File:
    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = line_starts(text)
        self._seen: set[int] = set()

    def of_document(self, document: Any) -> Iterator[Edit]:
        steps = POD_AT.get(_scalar(_entries(document).get("kind")))
        if steps is None:
            return
        node: Any = document
        for step in (*steps, "spec"):
            node = _entries(node).get(step)
        if isinstance(node, yaml.MappingNode):
            yield from self._pod(node, document.start_mark.line + 1)

    def _pod(self, spec: yaml.MappingNode, line: int) -> Iterator[Edit]:
        told = _entries(spec)
        if _scalar(_entries(told.get("os")).get("name")) == "windows" or _scalar(told.get("hostUsers")):
            return
        account = _scalar(told.get("serviceAccountName")) or _scalar(told.get("serviceAccount"))
        if "automountServiceAccountToken" not in told and account in {"", "default"} and self._is_block(spec):
            put = "automountServiceAccountToken: false"
            yield self._above(spec, put, "TG-K8S-025", line)
        shared = _entries(told.get("securityContext"))
        for key in _CONTAINERS:
            listed = told.get(key)
            for container in listed.value if isinstance(listed, yaml.SequenceNode) else ():
                if isinstance(container, yaml.MappingNode):
                    yield from self._container(container, shared)

    def _container(self, container: yaml.MappingNode, shared: Mapping[str, Any]) -> Iterator[Edit]:
        if id(container) in self._seen or not self._is_block(container):
            return  # an alias names it again
        self._seen.add(id(container))
        line = container.start_mark.line + 1
        told = _entries(container)
        own_node = told.get("securityContext")
        own = _entries(own_node)
        if (
            _scalar(own.get("privileged")).lower() in {"true", "yes", "on", "y"}
            or _is_merged(container)
            or _is_merged(own_node)
        ):
            return
        user = _scalar(own.get("runAsUser")) or _scalar(shared.get("runAsUser"))
        wanted = [
            ("allowPrivilegeEscalation", "allowPrivilegeEscalation: false", "TG-K8S-008"),
            ("capabilities", f"capabilities:\n{_STEP}drop: [ALL]", "TG-K8S-010"),
            ("seccompProfile", f"seccompProfile:\n{_STEP}type: RuntimeDefault", "TG-K8S-012"),
        ]
        if not user:
            wanted.append(("runAsNonRoot", "runAsNonRoot: true", "TG-K8S-007"))
        missing = [
            (lines, check)
            for key, lines, check in wanted
            if key not in own and not (key in _POD_WIDE and key in shared)
        ]
        if own_node is None:
            yield from self._new_context(container, told, missing)
        elif isinstance(own_node, yaml.MappingNode) and self._is_block(own_node) and id(own_node) not in self._seen:
            self._seen.add(id(own_node))
            for lines, check in missing:
                yield self._above(own_node, lines, check, line)
        capabilities = own.get("capabilities")
        if (
            isinstance(capabilities, yaml.MappingNode)
            and "drop" not in _entries(capabilities)
            and self._is_block(capabilities)
        ):
            yield self._above(capabilities, "drop: [ALL]", "TG-K8S-010", line)

    def _new_context(
        self, container: yaml.MappingNode, told: Mapping[str, Any], missing: list[tuple[str, str]]
    ) -> Iterator[Edit]:
        """A securityContext behind the line of the image, or of the name."""
        after = next((told[key] for key in ("image", "name") if isinstance(told.get(key), yaml.ScalarNode)), None)
        if after is None or not missing or after.start_mark.line != after.end_mark.line:
            return
        column = _column(container)
        end, newline = line_end(self._text, self._starts[after.end_mark.line])
        newline = newline or ("\r\n" if "\r\n" in self._text else "\n")
        for at, (lines, check) in enumerate(missing):
            head = ["securityContext:"] if at == 0 else []
            block = [*head, *(_STEP + line for line in lines.split("\n"))]
            put = "".join(f"{newline}{' ' * column}{line}" for line in block)
            what = _said(lines)
            yield Edit(start=end, end=end, put=put, check=check, line=container.start_mark.line + 1, what=what)

    def _above(self, node: yaml.MappingNode, lines: str, check: str, line: int) -> Edit:
        """Lines above the first key of a map in block form, and above the comments that speak of that key."""
        key = node.value[0][0]
        at = key.start_mark.line
        indent = self._text[self._starts[at] : self._starts[at] + key.start_mark.column]
        while at and self._text.startswith(f"{indent}#", self._starts[at - 1]):
            at -= 1
        start = self._starts[at]
        _, newline = line_end(self._text, start)
        newline = newline or "\n"
        put = "".join(f"{indent}{one}{newline}" for one in lines.split("\n"))
        return Edit(start=start, end=start, put=put, check=check, line=line, what=_said(lines))

    def _is_block(self, node: yaml.MappingNode) -> bool:
        """In block form, with something in it; for additions above, its first key begins its line."""
        return not node.flow_style and bool(node.value)


def _column(container: yaml.MappingNode) -> int:
    column: int = container.value[0][0].start_mark.column
    return column


def _is_merged(node: Any) -> bool:
    return "<<" in _entries(node)


def _entries(node: Any) -> Mapping[str, Any]:
    if not isinstance(node, yaml.MappingNode):
        return {}
    return {key.value: value for key, value in node.value if isinstance(key, yaml.ScalarNode)}


def _scalar(node: Any) -> str:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""


def _said(lines: str) -> str:
    return "says " + " ".join(lines.split())
