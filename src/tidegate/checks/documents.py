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
from tidegate.checks.material import Material
from tidegate.checks.run import run_checks
from tidegate.evidence import Misconfiguration
from tidegate.manifests.documents import read_documents

_DOCKERFILE: Final = re.compile(
    r"(?:(?:Dockerfile|Containerfile)(?:[.-].+)?|.+\.(?:dockerfile|containerfile))", re.IGNORECASE
)
_COMPOSE: Final = re.compile(r"(?:docker-|podman-)?compose(?:[.-].+)?\.ya?ml", re.IGNORECASE)
_MANIFEST: Final = re.compile(r".+\.(?:ya?ml|json)", re.IGNORECASE)
_NOT_DOCKERFILES: Final = frozenset(
    {
        *("dockerignore", "md", "rst", "html", "j2", "tmpl", "tpl", "yaml", "yml", "json", "toml", "xml", "lock", "sh"),
        *("py", "pyc", "go", "rs", "js", "mjs", "ts", "tsx", "rb", "java", "kt", "php", "cs", "c", "h", "cpp", "lua"),
        *("png", "svg", "jpg", "gif", "vim", "snap", "orig", "bak", "swp"),
    }
)
_FROM: Final = re.compile(rb"(?mi)^[ \t]*FROM[ \t]+\S")
_TEMPLATE: Final = b"{{"
_TEMPLATE_LINE: Final = re.compile(
    rb"\{\{-?[ \t]*(?:(?:if|range|with|include|template|define|end|else)\b|/\*|\$\.|\$\w+[ \t]*:?=|"
    rb"\.(?:Values|Release|Chart|Files|Capabilities|Template)\b)"
)
"""Actions of Go templates; braces alone stand in many documents, such as those of Argo and Prometheus."""


def kind_by_name(name: str) -> str:
    """`dockerfile`, `compose`, `manifest` (which its content decides) or "" for a base name."""
    if _COMPOSE.fullmatch(name):
        return "compose"
    if _DOCKERFILE.fullmatch(name) and name.rpartition(".")[2].lower() not in _NOT_DOCKERFILES:
        return "dockerfile"
    return "manifest" if _MANIFEST.fullmatch(name) else ""


def kind_by_content(raw: bytes) -> str:
    """`dockerfile` or `manifest` for what has no name that tells."""
    return "dockerfile" if _FROM.search(raw) and b"apiVersion" not in raw else "manifest"


def check_document(
    raw: bytes, *, path: str, kind: str, has_ignore_file: bool = False, own: Sequence[CheckSet] = ()
) -> list[Misconfiguration] | None:
    """What the checks say of one document.

    Args:
        raw: its bytes.
        path: where it lies, for people.
        kind: as `kind_by_name` told.
        has_ignore_file: a `.dockerignore` lies beside it.
        own: further sets of checks; those of other subjects are passed over.

    Returns:
        None for a manifest that is neither Kubernetes' nor Compose's, or a template that is not rendered.

    Raises:
        BoundExceededError: the document is over a bound of its reader.
        InvalidInputError: it cannot be read.
    """
    if kind == "dockerfile":
        material = dockerfile_material(parse_dockerfile(raw, where=path), path=path, has_ignore_file=has_ignore_file)
        return _judged("dockerfile", material, own)
    if kind == "manifest":
        if is_template(raw):
            return None
        documents = read_documents(raw, where=path, placed=True)
        if any(map(_is_kubernetes, documents)):
            return _judged("kubernetes", kubernetes_material([*filter(_is_kubernetes, documents)], path=path), own)
        if not any(map(_is_compose, documents[:1])):
            return None
    documents = read_documents(raw, where=path, placed=True, compose=True)
    return _judged("compose", compose_material(documents[0] if documents else None, path=path), own)


def is_template(raw: bytes) -> bool:
    """True for a Helm template, which is no document until it is rendered."""
    return _TEMPLATE in raw and b"apiVersion" in raw and bool(_TEMPLATE_LINE.search(raw))


def _judged(kind: str, material: Material, own: Sequence[CheckSet]) -> list[Misconfiguration]:
    sets = [own_checks(kind), *(one for one in own if one.subject.name == kind)]
    return [found for one in sets for found in run_checks(one, material)]


def _is_kubernetes(document: Any) -> bool:
    return isinstance(document, dict) and isinstance(document.get("apiVersion"), str) and "kind" in document


def _is_compose(document: Any) -> bool:
    """Services that are started from something, under a name that does not tell (a stack file)."""
    services = document.get("services") if isinstance(document, dict) else None
    return isinstance(services, dict) and any(
        isinstance(one, dict) and one.keys() & {"image", "build"} for one in services.values()
    )
