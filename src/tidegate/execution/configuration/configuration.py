# SPDX-License-Identifier: Apache-2.0
"""One ConfigMap or Secret (core/v1): what it holds, and who among given workloads uses it."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from tidegate.artifact import Digest
from tidegate.errors import InvalidInputError
from tidegate.execution.workload import DEFAULT_NAMESPACE, Bystander, Workload
from tidegate.values import Struct
from tidegate.wire import from_builtins, to_json

KINDS: Final = frozenset({"ConfigMap", "Secret"})


class Configuration(Struct, frozen=True, kw_only=True):
    """One of them.

    Attributes:
        entries: content by key, decoded; of a Secret never to be shown.
        size: of all content, in bytes.
        digest: of kind, namespace, name and content: the same content under the same name has the same one. Of a
            Secret it is made with a key, or of its keys alone, so that nobody finds its values by trying.
    """

    kind: str
    namespace: str
    name: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    immutable: bool
    entries: Mapping[str, bytes]
    digest: Digest

    @property
    def size(self) -> int:
        """Of all content, in bytes."""
        return sum(len(key) + len(content) for key, content in self.entries.items())

    def __str__(self) -> str:
        return f"{self.kind}/{self.name} in {self.namespace}"


class _Metadata(Struct, frozen=True, kw_only=True):
    name: str = ""
    namespace: str | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None


class _Document(Struct, frozen=True, kw_only=True, rename="camel"):
    metadata: _Metadata = _Metadata()
    data: dict[str, str] | None = None
    binary_data: dict[str, str] | None = None
    string_data: dict[str, str] | None = None
    immutable: bool | None = None


def configuration_of(item: Bystander, *, where: str, key: bytes = b"") -> Configuration | None:
    """Reads one; None for an object of another kind.

    Args:
        item: the object.
        where: its name in errors.
        key: secret; digests of Secrets are made with it. Without one the values are left out of them.

    Raises:
        InvalidInputError: it is not as the API server takes it.
    """
    if item.kind not in KINDS or item.document.get("apiVersion") != "v1":
        return None
    place = f"{where} {item.kind}/{item.name[:253]}"
    read = from_builtins(item.document, _Document, what=place)
    encoded = (read.data if item.kind == "Secret" else read.binary_data) or {}
    plain = (read.string_data if item.kind == "Secret" else read.data) or {}
    entries = {name: _decoded(text, f"{place} {name[:253]}") for name, text in encoded.items()}
    entries |= {name: text.encode("utf-8", "surrogatepass") for name, text in plain.items()}
    namespace = read.metadata.namespace or DEFAULT_NAMESPACE
    digest_of = _keyed(key) if item.kind == "Secret" else Digest.of
    content = {name: digest_of(value) for name, value in sorted(entries.items())}
    return Configuration(
        kind=item.kind,
        namespace=namespace,
        name=read.metadata.name,
        labels=read.metadata.labels or {},
        annotations=read.metadata.annotations or {},
        immutable=bool(read.immutable),
        entries=entries,
        digest=Digest.of(to_json([item.kind, namespace, read.metadata.name, content])),
    )


def users_of(configuration: Configuration, workloads: Iterable[Workload]) -> tuple[str, ...]:
    """The workloads that name it: as environment, as a volume, or to pull their images by."""
    named = (configuration.kind, configuration.name)
    return tuple(
        str(one)
        for one in workloads
        if one.namespace == configuration.namespace and named in set(_named_in(_spec(one)))
    )


def _spec(workload: Workload) -> Any:
    node: Any = workload.document
    for key in (*workload.pod_at, "spec"):
        node = node[key]
    return node


def _named_in(node: Any) -> Iterator[tuple[str, str]]:
    """Every ConfigMap and Secret that a pod's spec names; its depth was bounded when it was read."""
    if isinstance(node, list):
        for item in node:
            yield from _named_in(item)
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        if isinstance(value, dict) and key in _REFERENCES:
            kind, field_name = _REFERENCES[key]
            if isinstance(value.get(field_name), str):
                yield kind, value[field_name]
        if key == "imagePullSecrets" and isinstance(value, list):
            yield from (("Secret", str(one.get("name"))) for one in value if isinstance(one, dict))
        yield from _named_in(value)


_REFERENCES: Final = {
    "configMapKeyRef": ("ConfigMap", "name"),
    "configMapRef": ("ConfigMap", "name"),
    "configMap": ("ConfigMap", "name"),
    "secretKeyRef": ("Secret", "name"),
    "secretRef": ("Secret", "name"),
    "secret": ("Secret", "secretName"),
}


def _keyed(key: bytes) -> Callable[[bytes], str]:
    """Digests that say nothing to who does not have the key; the same one for everything without a key."""
    return lambda value: hmac.new(key, value, hashlib.sha256).hexdigest() if key else ""


def _decoded(text: str, where: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInputError("is not base64", where=where) from error
