# SPDX-License-Identifier: Apache-2.0
"""Profiles of behaviour from YAML, as docs/reference/sensor.md has them; refused whole when anything is unknown."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from tidegate.execution.drift_rules import EVERYTHING
from tidegate.execution.expectation import Expectation, Expectations, check_destination, check_port
from tidegate.execution.rule_documents import few, rule_documents
from tidegate.rules.document import each_of, header_and_spec
from tidegate.rules.marked_yaml import Node
from tidegate.rules.reading import Fields, as_scalar, defect

KIND: Final = "BehaviourProfile"
MAX_ITEMS: Final = 10_000
_KEYS: Final = ("images", "digests", "containers", "namespaces", "programs", "listens", "connects", "writes", "shells")
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")


def load_expectations(files: Mapping[str, str]) -> Expectations:
    """Reads the profiles of any number of files, in the order of the files and within them.

    Args:
        files: text by file name; the name stands in errors.

    Raises:
        DocumentError: something is wrong; it carries every defect of the first document that has any.
        BoundExceededError: a document is over a bound.
    """
    return Expectations(each=each_of(tuple(rule_documents(files, KIND)), _profile))


def _profile(node: Node) -> Expectation:
    metadata, spec = header_and_spec(node, *_KEYS)
    shells = spec.text("shells", "")
    if shells not in {"", "true", "false"}:
        raise defect(spec.node("shells"), "is neither true nor false")
    is_digest = lambda text: bool(_DIGEST.fullmatch(text))  # noqa: E731 - as short as what it stands beside
    return Expectation(
        name=metadata.name("name"),
        images=_texts(spec, "images") or EVERYTHING,
        containers=_texts(spec, "containers") or EVERYTHING,
        namespaces=_texts(spec, "namespaces") or EVERYTHING,
        digests=frozenset(_texts(spec, "digests", is_digest, "a digest, sha256:…") or ()),
        programs=_texts(spec, "programs"),
        listens=_texts(spec, "listens", check_port, "a port, like tcp/8080"),
        connects=_texts(spec, "connects", check_destination, "a destination, like 10.0.0.0/8:5432 or *:443"),
        writes=_texts(spec, "writes"),
        shells=None if not shells else shells == "true",
    )


def _texts(
    spec: Fields, key: str, is_good: Callable[[str], bool] = lambda _: True, what: str = ""
) -> tuple[str, ...] | None:
    """The texts of a list; None when the key is missing, which is something else than an empty list."""
    if spec.optional(key) is None:
        return None
    nodes = few(spec.listing(key), "MAX_ITEMS", MAX_ITEMS)
    texts = [as_scalar(one).text for one in nodes]
    for one, text in zip(nodes, texts, strict=True):
        if not is_good(text):
            raise defect(one, f"not {what}")
    return tuple(texts)
