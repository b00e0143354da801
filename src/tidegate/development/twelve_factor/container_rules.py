# SPDX-License-Identifier: Apache-2.0
"""Guardrails over how images, Compose services and workloads are put together."""

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, Final

from tidegate.checks.dockerfile import Instruction
from tidegate.checks.kubernetes import POD_AT
from tidegate.checks.plain import key_line, line_of, table, text, texts
from tidegate.checks.shell import commands_of
from tidegate.development.twelve_factor import rules
from tidegate.development.twelve_factor.rule import Objection
from tidegate.development.twelve_factor.starts import final_commands, final_stage
from tidegate.development.twelve_factor.tree import SourceTree, is_for_development

_SYSTEM_INSTALL: Final = re.compile(r"(?:apt-get|apt|apk|yum|dnf|microdnf|zypper)\b.*\b(?:install|add)\b")
_SERVERS: Final = re.compile(
    r"(?:postgresql(?:-\d+|\d+)?|postgresql-server|mysql-server|mariadb(?:-server)?|default-mysql-server|"
    r"redis(?:-server)?|"
    r"mongodb(?:-org|-server)?|rabbitmq-server|memcached|elasticsearch)(?:[=~<>].*)?"
)
_ROTATES: Final = re.compile(r"logrotate(?:[=~<>].*)?")
_LOG_FOLDER: Final = re.compile(r"/var/log(?:/.*)?|/?(?:\S*/)?logs?/?")
_PORT_FLAG: Final = re.compile(
    r"(?:--(?:port|http-port)[ =]|--(?:bind|listen|addr|http)[ =]\S*:|(?<=\s)-b[ =]?\S*:|(?<=\s)-p[ =]|"
    r"runserver \S*:|:)(\d{2,5})(?=\s|$)"
)
_DEVELOPMENT_MODES: Final = {
    "NODE_ENV": ("development", "dev"),
    "FLASK_ENV": ("development",),
    "FLASK_DEBUG": ("1", "true"),
    "RAILS_ENV": ("development",),
    "RACK_ENV": ("development",),
    "APP_ENV": ("local", "dev", "development"),
    "APP_DEBUG": ("1", "true"),
    "DJANGO_DEBUG": ("1", "true"),
    "DEBUG": ("1", "true"),
    "ASPNETCORE_ENVIRONMENT": ("development",),
    "SPRING_PROFILES_ACTIVE": ("dev", "development", "local"),
    "GIN_MODE": ("debug",),
}
_AFFINITIES: Final = re.compile(
    r"nginx\.(?:ingress\.kubernetes\.io|org)/(?:affinity|sticky-cookie-services)|"
    r"traefik\.(?:ingress\.kubernetes\.io|http)[./].*sticky(?:\.cookie)?|haproxy.*/(?:affinity|cookie-persistence)|"
    r"alb\.ingress\.kubernetes\.io/target-group-attributes"
)
_AT_ONCE: Final = frozenset({"0", "0s", "0m", "0ms"})
_KILL: Final = frozenset({"SIGKILL", "KILL", "9"})


def judge_containers(tree: SourceTree) -> Iterator[Objection]:
    """What Dockerfiles, Compose files and manifests say of state, signals, ports, logs and modes."""
    for path in tree.shipped:
        yield from _of_dockerfile(tree, path)
    for path, compose in tree.composes.items():
        for name, service in table(compose.get("services")).items():
            if isinstance(service, dict):
                yield from _of_service(service, str(name), path)
    for path, documents in tree.manifests.items():
        for document in documents:
            yield from _of_object(document, path)


def _of_dockerfile(tree: SourceTree, path: str) -> Iterator[Objection]:
    stage = final_stage(tree.shipped[path])
    builds_an_application = any(one.keyword in {"COPY", "ADD"} and "from" not in one.flags for one in stage)
    for one in stage:
        if one.keyword == "RUN" and builds_an_application:
            yield from _installed(one, path)
        elif one.keyword == "VOLUME" and builds_an_application:
            for folder in filter(_LOG_FOLDER.fullmatch, one.words):
                yield Objection(rule=rules.LOG_VOLUME, path=path, line=one.line, what=f"VOLUME {folder}")
        elif one.keyword in {"STOPSIGNAL", "ENV"}:
            yield from _set(one, path)
        elif one.keyword in {"COPY", "ADD"} and "from" not in one.flags:
            yield from _copied(tree, one, path)
    yield from _exposed(tree, path, stage)


def _set(one: Instruction, path: str) -> Iterator[Objection]:
    """Which signal stops it, and which variables it starts with."""
    if one.keyword == "STOPSIGNAL" and one.text.strip() in _KILL:
        yield Objection(rule=rules.KILLED_AT_ONCE, path=path, line=one.line, what=f"STOPSIGNAL {one.text}")
    for name, value in _pairs(one) if one.keyword == "ENV" else ():
        if value.lower() in _DEVELOPMENT_MODES.get(name, ()):
            yield Objection(rule=rules.DEVELOPMENT_MODE, path=path, line=one.line, what=f"{name}={value}")


def _installed(one: Instruction, path: str) -> Iterator[Objection]:
    for command in commands_of(one.text):
        if not _SYSTEM_INSTALL.match(command):
            continue
        for word in command.split()[1:]:
            if _SERVERS.fullmatch(word):
                yield Objection(rule=rules.SERVICE_INSIDE, path=path, line=one.line, what=f"installs {word}")
            elif _ROTATES.fullmatch(word):
                yield Objection(rule=rules.LOG_VOLUME, path=path, line=one.line, what=f"installs {word}")


def _copied(tree: SourceTree, one: Instruction, path: str) -> Iterator[Objection]:
    *sources, _ = one.words or ("",)
    for source in sources:
        name = PurePosixPath(source).name
        if name == ".env" or (name.startswith(".env.") and not _is_template(name)):
            yield Objection(rule=rules.ENV_FILE_SHIPPED, path=path, line=one.line, what=f"copies {source}")
        elif source in {".", "./"}:
            beside = tree.beside(path, ".env")
            if beside in tree and not _ignores(tree, path, ".env"):
                what = f"{beside} is copied with everything, and .dockerignore does not name it"
                yield Objection(rule=rules.ENV_FILE_SHIPPED, path=path, line=one.line, what=what)


def _is_template(name: str) -> bool:
    return any(word in name for word in ("example", "sample", "template", "dist", "defaults"))


def _ignores(tree: SourceTree, path: str, name: str) -> bool:
    for ignore in (f"{path}.dockerignore", tree.beside(path, ".dockerignore")):
        entries = {line.strip().lstrip("/").removeprefix("**/") for _, line in tree.lines(ignore)}
        if entries & {name, f"{name}*", f"{name}.*", ".*", "*", "*.env", ".env*"}:
            return True
    return False


def _exposed(tree: SourceTree, path: str, stage: list[Instruction]) -> Iterator[Objection]:
    exposes = [one for one in stage if one.keyword == "EXPOSE"]
    exposed = {word.partition("/")[0] for one in exposes for word in one.words}
    if not exposed or not all(word.isdecimal() for word in exposed):
        return
    for one in final_commands(tree.shipped[path]):
        listens = {found[1] for found in _PORT_FLAG.finditer(" ".join(one.words) if one.is_exec else one.text)}
        if listens and not listens & exposed:
            what = f"EXPOSE {' '.join(sorted(exposed))}, and the command listens on {' '.join(sorted(listens))}"
            yield Objection(rule=rules.OTHER_PORT, path=path, line=exposes[0].line, what=what)
            return


def _of_service(service: Mapping[str, Any], name: str, path: str) -> Iterator[Objection]:
    if "build" in service:
        for mount in service.get("volumes") or ():
            told = text(mount.get("target")) if isinstance(mount, dict) else ":".join(text(mount).split(":")[1:2])
            if told.startswith("/var/log"):
                what = f"{name} keeps {told} in a volume"
                yield Objection(rule=rules.LOG_VOLUME, path=path, line=key_line(service, "volumes"), what=what)
                break
    if text(service.get("stop_signal")) in _KILL:
        what = f"{name} is stopped with {service['stop_signal']}"
        yield Objection(rule=rules.KILLED_AT_ONCE, path=path, line=key_line(service, "stop_signal"), what=what)
    if text(service.get("stop_grace_period")) in _AT_ONCE and not is_for_development(path):
        what = f"{name} is given no time to stop"
        yield Objection(rule=rules.KILLED_AT_ONCE, path=path, line=key_line(service, "stop_grace_period"), what=what)
    labels = service.get("labels")
    for label in (
        texts(labels) if isinstance(labels, list) else [f"{it}={value}" for it, value in table(labels).items()]
    ):
        if _AFFINITIES.match(label) and "true" in label.lower():
            what = f"{name}: {label[:80]}"
            yield Objection(rule=rules.STICKY_SESSIONS, path=path, line=key_line(service, "labels"), what=what)
            break


def _of_object(document: Mapping[str, Any], path: str) -> Iterator[Objection]:
    kind, spec = text(document.get("kind")), table(document.get("spec"))
    if kind == "Service" and text(spec.get("sessionAffinity")) == "ClientIP":
        line = key_line(spec, "sessionAffinity") or line_of(document)
        yield Objection(rule=rules.STICKY_SESSIONS, path=path, line=line, what="sessionAffinity: ClientIP")
    annotations = table(table(document.get("metadata")).get("annotations"))
    for key, value in annotations.items():
        is_group = key.startswith("alb.") and "stickiness.enabled=true" not in text(value)
        if _AFFINITIES.match(key) and not is_group:
            line = key_line(annotations, key) or line_of(document)
            yield Objection(rule=rules.STICKY_SESSIONS, path=path, line=line, what=f"{key}: {text(value)[:60]}")
    if kind in POD_AT:
        pod: Any = document
        for step in POD_AT[kind]:
            pod = table(pod.get(step))
        inner = table(pod.get("spec"))
        if inner.get("terminationGracePeriodSeconds") == 0:
            line = key_line(inner, "terminationGracePeriodSeconds") or line_of(document)
            yield Objection(rule=rules.KILLED_AT_ONCE, path=path, line=line, what="terminationGracePeriodSeconds: 0")


def _pairs(one: Instruction) -> Iterator[tuple[str, str]]:
    if len(one.words) > 1 and "=" not in one.words[0]:
        yield one.words[0], " ".join(one.words[1:])
        return
    for word in one.words:
        name, _, value = word.partition("=")
        yield name, value
