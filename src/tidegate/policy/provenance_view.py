# SPDX-License-Identifier: Apache-2.0
"""Build provenance as rules see it (SLSA provenance v1): who built the image, how, from which source.

The specification leaves to each build type where the source is told. Read are the resolved dependencies first (the
first that is a git repository), then the parameters as the well-known builders write them.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final, TypeAlias

from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.evidence import Evidence
from tidegate.policy.item import Item, View
from tidegate.policy.scan_items import Shape
from tidegate.values import Struct
from tidegate.wire import from_builtins

MAX_MATERIALS: Final = 20_000

_DIGESTS: Final = ("sha256", "sha512", "gitCommit", "sha1")
"""Algorithms of a material's digest; the first that is there is told."""
_SOURCE_PATHS: Final = (
    ("workflow", "repository"),
    ("source", "repository"),
    ("source", "uri"),
    ("source",),
    ("configSource", "uri"),
    ("buildConfigSource", "repository"),
    ("sourceToBuild", "repository"),
)
_Json: TypeAlias = Mapping[str, Any]


class _Material(Struct, frozen=True, kw_only=True):
    uri: str | None = ""
    name: str | None = ""
    digest: dict[str, str] | None = None

    @property
    def stated(self) -> str:
        """Its digest as `algorithm:value`; "" for none."""
        digests = self.digest or {}
        return next((f"{name}:{digests[name]}" for name in _DIGESTS if name in digests), "")


class _Definition(Struct, frozen=True, kw_only=True, rename="camel"):
    build_type: str
    external_parameters: dict[str, Any] | None = None
    resolved_dependencies: list[_Material] | None = None


class _Builder(Struct, frozen=True, kw_only=True):
    id: str


class _Metadata(Struct, frozen=True, kw_only=True, rename="camel"):
    invocation_id: str | None = ""
    started_on: str | None = ""
    finished_on: str | None = ""


class _Run(Struct, frozen=True, kw_only=True):
    builder: _Builder
    metadata: _Metadata | None = None


class _Provenance(Struct, frozen=True, kw_only=True, rename="camel"):
    build_definition: _Definition
    run_details: _Run


class _Source(Struct, frozen=True, kw_only=True):
    uri: str = ""
    ref: str = ""
    digest: str = ""


def view_provenance(evidence: Evidence) -> View:
    """The variable `provenance` without what all evidence has, and the collection `materials`.

    Raises:
        InvalidInputError: it names no builder or no build type, or is over a bound.
    """
    where = f"provenance {evidence.digest}"
    told = from_builtins(evidence.predicate, _Provenance, what=where)
    definition, run = told.build_definition, told.run_details
    if not run.builder.id or not definition.build_type:
        raise InvalidInputError("names no builder, or no build type", where=where)
    materials = definition.resolved_dependencies or []
    if len(materials) > MAX_MATERIALS:
        raise BoundExceededError("MAX_MATERIALS", MAX_MATERIALS, where=where)
    source = _of_materials(materials) or _of_parameters(definition.external_parameters or {})
    metadata = run.metadata or _Metadata()
    values: dict[str, object] = {
        "builder": run.builder.id,
        "build_type": definition.build_type,
        "has_source": bool(source.uri),
        "source": source.uri,
        "source_ref": source.ref,
        "source_digest": source.digest,
        "materials": len(materials),
        "invocation": metadata.invocation_id or "",
        "started": metadata.started_on or "",
        "finished": metadata.finished_on or "",
    }
    return View(variables={"provenance": values}, collections={"materials": partial(_MATERIALS.members, materials)})


def _shown(it: _Material) -> Item:
    names = frozenset(filter(None, (it.uri, it.name)))
    uri = it.uri or ""
    return Item(shown=uri or it.name or it.stated, names=names, purl=uri if uri.startswith("pkg:") else "")


_MATERIALS: Final[Shape[_Material]] = Shape(
    fields={
        "name": lambda it: it.name or "",
        "uri": lambda it: it.uri or "",
        "has_digest": lambda it: bool(it.stated),
        "digest": lambda it: it.stated,
    },
    item=_shown,
)


def _of_materials(materials: list[_Material]) -> _Source | None:
    for material in materials:
        digests = material.digest or {}
        if material.uri and (material.uri.startswith("git+") or "gitCommit" in digests):
            commit = digests.get("gitCommit") or digests.get("sha1") or digests.get("sha256", "")
            return _source(material.uri, commit)
    return None


def _of_parameters(parameters: _Json) -> _Source:
    for path in _SOURCE_PATHS:
        found: Any = parameters
        for step in path:
            found = found.get(step) if isinstance(found, dict) else None
        if isinstance(found, str) and found:
            return _source(found, "")
    return _Source()


def _source(uri: str, commit: str) -> _Source:
    """Repository, ref and commit of `git+https://host/team/app@refs/heads/main`."""
    plain = uri.removeprefix("git+").partition("#")[0]
    scheme, slashes, rest = plain.rpartition("://")
    host, slash, path = rest.partition("/")  # a user may stand before the host
    path, _, ref = path.partition("@")
    return _Source(uri=f"{scheme}{slashes}{host}{slash}{path}", ref=ref, digest=commit)
