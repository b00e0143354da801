# SPDX-License-Identifier: Apache-2.0
"""A Compose file as checks see it (Compose Specification, services)."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from tidegate.checks.image_name import split_image
from tidegate.checks.material import Material, Spot, Values
from tidegate.checks.plain import key_line, listed, table, text, texts
from tidegate.checks.secret_name import is_reference, is_secret_name, looks_empty
from tidegate.checks.words import substituted
from tidegate.errors import BoundExceededError, InvalidInputError

_PART: Final = r"(?:\d+(?:-\d+)?|\$\{?\w+\}?)"
_PUBLISHED: Final = re.compile(
    rf"(?:(\[[0-9a-fA-F:]+\]|[0-9.]+|\$\{{?\w+\}}?)?:(?=[^:]*:))?(?:({_PART})?:)?({_PART})(?:/\w+)?"
)
MAX_MEMBERS: Final = 100_000
"""Ports, mounts, variables and the like of all services, once every `extends` is followed."""
_MAX_BASES: Final = 8
"""Services that stand behind one another by `extends`."""
_DOLLAR: Final = "\0"
_PROPAGATIONS: Final = frozenset({"shared", "rshared", "slave", "rslave", "private", "rprivate"})
_REPLACED: Final = frozenset({"command", "entrypoint", "healthcheck"})


def compose_material(document: Any, *, path: str) -> Material:
    """What checks are asked about a Compose file.

    Args:
        document: as `tidegate.manifests.documents` read it.
        path: where it lies, for people.

    Raises:
        BoundExceededError: over `MAX_MEMBERS`.
        InvalidInputError: it has no services.
    """
    services = document.get("services") if isinstance(document, dict) else None
    if not isinstance(services, dict) or not all(isinstance(one, dict | None) for one in services.values()):
        raise InvalidInputError("no Compose file: services is not a table of tables", where=path)
    told = _told(services, path)
    spots = {str(name): Spot(path, key_line(services, name), f"services.{name}") for name in services}
    return Material(
        variables={
            "compose": {"path": path, "services": len(told), "version": text(document.get("version"))},
        },
        collections={
            "services": [(_service(name, service), spots[name]) for name, service in told],
            "mounts": [(mount, spots[name]) for name, service in told for mount in _mounts(name, service)],
            "ports": [(port, spots[name]) for name, service in told for port in _ports(name, service)],
            "environment": [(one, spots[name]) for name, service in told for one in _environment(name, service)],
        },
        spot=Spot(path),
    )


def _told(services: Mapping[str, Any], path: str) -> list[tuple[str, Mapping[str, Any]]]:
    """Every service with what it extends, defaults put in."""
    expanded = _expanded(services)
    told: list[tuple[str, Mapping[str, Any]]] = []
    members = 0
    for name, service in expanded.items():
        extended = _extended(service or {}, expanded)
        members += sum(len(it) for it in extended.values() if isinstance(it, dict | list))
        if members > MAX_MEMBERS:
            raise BoundExceededError("MAX_MEMBERS", MAX_MEMBERS, where=path)
        told.append((str(name), extended))
    return told


def _service(name: str, service: Mapping[str, Any]) -> Values:
    image, tag, has_digest = split_image(text(service.get("image")))
    limits = table(table(table(service.get("deploy")).get("resources")).get("limits"))
    security = texts(service.get("security_opt"))
    health = table(service.get("healthcheck"))
    return {
        "name": name,
        "image": image,
        "tag": tag,
        "has_digest": has_digest,
        "builds": service.get("build") is not None,
        "privileged": _is_true(service.get("privileged")),
        "user": text(service.get("user")),
        "read_only": _is_true(service.get("read_only")),
        **{key: text(service.get(key)) for key in ("network_mode", "pid", "ipc", "uts", "userns_mode", "cgroup")},
        "cap_add": [_capability(one) for one in texts(service.get("cap_add"))],
        "cap_drop": [_capability(one) for one in texts(service.get("cap_drop"))],
        "security_opt": security,
        "no_new_privileges": any(
            one.replace("=", ":") in {"no-new-privileges", "no-new-privileges:true"} for one in security
        ),
        "devices": texts(service.get("devices")),
        "has_memory_limit": "mem_limit" in service or "memory" in limits,
        "has_cpu_limit": bool({"cpus", "cpu_quota"} & service.keys()) or "cpus" in limits,
        "has_pids_limit": "pids_limit" in service or "pids" in limits,
        "has_healthcheck": bool(health) and health.get("disable") is not True,
        "healthcheck_disabled": health.get("disable") is True or health.get("test") in (["NONE"], "NONE"),
        "restart": text(service.get("restart")),
    }


def _extended(service: Mapping[str, Any], services: Mapping[str, Any]) -> Mapping[str, Any]:
    """A service with what it takes over from another of the same file; what lies in other files is not looked up."""
    chain = [service]
    while len(chain) < _MAX_BASES:
        told = chain[-1].get("extends")
        if isinstance(told, dict) and told.get("file"):
            break
        base = services.get(text(told.get("service") if isinstance(told, dict) else told))
        if not isinstance(base, dict) or any(base is one for one in chain):
            break
        chain.append(base)
    made: dict[str, Any] = {}
    for one in reversed(chain):
        made = {**made, **{key: _joined(key, made.get(key), value) for key, value in one.items()}}
    return made


def _joined(key: str, before: Any, after: Any) -> Any:
    """As `extends` merges: maps by key, lists one after the other, the rest replaced."""
    if key in _REPLACED or before is None:
        return after
    if isinstance(before, dict) and isinstance(after, dict):
        return {**before, **{inner: _joined(inner, before.get(inner), value) for inner, value in after.items()}}
    return [*before, *after] if isinstance(before, list) and isinstance(after, list) else after


def _expanded(value: Any) -> Any:
    """Puts the defaults of `${NAME:-default}` in; a reference without one stays, because its value is not known."""
    if isinstance(value, str):
        return substituted(value.replace("$$", _DOLLAR), {}).replace(_DOLLAR, "$") if "$" in value else value
    if isinstance(value, dict):
        return {key: _expanded(inner) for key, inner in value.items()}
    return [_expanded(one) for one in value] if isinstance(value, list) else value


def _is_true(value: Any) -> bool:
    return text(value).lower() == "true"


def _mounts(name: str, service: Mapping[str, Any]) -> Iterator[Values]:
    for one in listed(service.get("volumes")):
        if isinstance(one, dict):
            source, target = text(one.get("source")), text(one.get("target"))
            kind, read_only = text(one.get("type")), one.get("read_only") is True
            propagation = text(table(one.get("bind")).get("propagation"))
        else:
            source, target, options = (*text(one).split(":", 2), "", "")[:3]
            if not target:
                source, target = "", source
            kind = "bind" if source.startswith(("/", ".", "~", "$")) else "volume"
            read_only = "ro" in options.split(",")
            propagation = next((one for one in options.split(",") if one in _PROPAGATIONS), "")
        yield {
            "service": name,
            "source": source,
            "target": target,
            "type": kind,
            "read_only": read_only,
            "propagation": propagation,
        }


def _ports(name: str, service: Mapping[str, Any]) -> Iterator[Values]:
    for one in listed(service.get("ports")):
        if isinstance(one, dict):
            host, published, target = (text(one.get(key)) for key in ("host_ip", "published", "target"))
            shown = ":".join(filter(None, (host, published, target)))
        else:
            shown = text(one)
            found = _PUBLISHED.fullmatch(shown)
            host, published, target = (part or "" for part in found.groups()) if found else ("", "", "")
        yield {
            "service": name,
            "text": shown,
            "host": host,
            "published": _number(published),
            "target": _number(target),
            "is_published": bool(published),
        }


def _environment(name: str, service: Mapping[str, Any]) -> Iterator[Values]:
    told = service.get("environment")
    if isinstance(told, dict):
        pairs = [(str(key), text(value)) for key, value in told.items()]
    else:
        pairs = [(key, value) for one in texts(told) for key, _, value in [one.partition("=")]]
    for key, value in pairs:
        yield {
            "service": name,
            "name": key,
            "value": value,
            "is_secret_name": is_secret_name(key),
            "looks_empty": looks_empty(value),
            "is_reference": is_reference(value),
        }


def _capability(name: str) -> str:
    return name.upper().removeprefix("CAP_")


def _number(told: str) -> int:
    head = told.partition("-")[0]
    return int(head) if head.isdecimal() and len(head) < 6 else 0  # noqa: PLR2004 - 65535 has five digits
