# SPDX-License-Identifier: Apache-2.0
"""Which file is which kind of document, and what its checks say: Dockerfile, Compose, Kubernetes."""

import re
from collections.abc import Sequence
from typing import Any, Final

from tidegate.checks.check import CheckSet, own_checks
from tidegate.checks.compose import compose_material
from tidegate.checks.dockerfile import parse_dockerfile
from tidegate.checks.dockerfile_material import dockerfile_material
from tidegate.checks.kubernetes import kubernetes_material
from tidegate.checks.run import run_checks
from tidegate.evidence import Misconfiguration
from tidegate.manifests.documents import read_documents

_DOCKERFILE: Final = re.compile(
    r"(?:(?:Dockerfile|Containerfile)(?:[.-].+)?|.+\.(?:dockerfile|containerfile))", re.IGNORECASE
)
_COMPOSE: Final = re.compile(r"(?:docker-|podman-)?compose(?:[.-].+)?\.ya?ml", re.IGNORECASE)
_MANIFEST: Final = re.compile(r".+\.(?:ya?ml|json)", re.IGNORECASE)
_NOT_DOCKERFILES: Final = (".dockerignore", ".md", ".j2", ".tmpl", ".tpl", ".yaml", ".yml", ".json")
_TEMPLATE: Final = b"{{"


def kind_by_name(name: str) -> str:
    """`dockerfile`, `compose`, `manifest` (which its content decides) or "" for a base name."""
    if _COMPOSE.fullmatch(name):
        return "compose"
    if _DOCKERFILE.fullmatch(name) and not name.endswith(_NOT_DOCKERFILES):
        return "dockerfile"
    return "manifest" if _MANIFEST.fullmatch(name) else ""


def check_document(
    raw: bytes, *, path: str, kind: str, has_ignore_file: bool = False, own: Sequence[CheckSet] = ()
) -> list[Misconfiguration]:
    """What the checks say of one document.

    Args:
        raw: its bytes.
        path: where it lies, for people.
        kind: as `kind_by_name` told; a manifest that is none of Kubernetes' says nothing.
        has_ignore_file: a `.dockerignore` lies beside it.
        own: further sets of checks; those of other subjects are passed over.

    Raises:
        BoundExceededError: the document is over a bound of its reader.
        InvalidInputError: it cannot be read.
    """
    if kind == "dockerfile":
        material = dockerfile_material(parse_dockerfile(raw, where=path), path=path, has_ignore_file=has_ignore_file)
    elif kind == "compose":
        material = compose_material(_first(read_documents(raw, where=path, placed=True, compose=True)), path=path)
    else:
        if is_template(raw):
            return []
        documents = [one for one in read_documents(raw, where=path, placed=True) if _is_kubernetes(one)]
        if not documents:
            return []
        kind, material = "kubernetes", kubernetes_material(documents, path=path)
    sets = [own_checks(kind), *(one for one in own if one.subject.name == kind)]
    return [found for one in sets for found in run_checks(one, material)]


def is_template(raw: bytes) -> bool:
    """True for a Helm template, which is no document until it is rendered."""
    return _TEMPLATE in raw and b"apiVersion" in raw


def _first(documents: Sequence[Any]) -> Any:
    return documents[0] if documents else None


def _is_kubernetes(document: Any) -> bool:
    return isinstance(document, dict) and isinstance(document.get("apiVersion"), str) and "kind" in document
