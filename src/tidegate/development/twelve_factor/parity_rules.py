# SPDX-License-Identifier: Apache-2.0
"""What differs between development and production: engines of backing services, and their versions."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, Final

from tidegate.checks.image_name import split_image
from tidegate.checks.kubernetes import POD_AT
from tidegate.checks.plain import key_line, line_of, table, tables, text
from tidegate.development.twelve_factor import rules
from tidegate.development.twelve_factor.rule import Objection
from tidegate.development.twelve_factor.tree import SourceTree
from tidegate.values import Struct

_ENGINES: Final = {
    "postgres": "postgres",
    "postgresql": "postgres",
    "postgis": "postgres",
    "mysql": "mysql",
    "mariadb": "mariadb",
    "mongo": "mongo",
    "mongodb": "mongo",
    "redis": "redis",
    "rabbitmq": "rabbitmq",
    "elasticsearch": "elasticsearch",
    "memcached": "memcached",
}
_DATABASES: Final = frozenset({"postgres", "mysql", "mariadb"})
_MAJOR: Final = re.compile(r"v?(\d{1,4})(?=[.\-]|$)")
_SQLITE: Final = re.compile(
    r"['\"]ENGINE['\"]\s*:\s*['\"]django\.db\.backends\.sqlite3['\"]|SQLALCHEMY_DATABASE_URI\s*=\s*['\"]sqlite:///|"
    r"dialect\s*:\s*['\"]sqlite['\"]"
)
_OTHER_DATABASE: Final = re.compile(
    r"postgres|mysql|mariadb|DATABASE_URL|DB_ENGINE|environ|getenv|process\.env|dj_database_url|env\("
)


class _Service(Struct, frozen=True, kw_only=True):
    """A backing service that a file names; `major` is "" where its tag does not tell."""

    engine: str
    major: str
    image: str
    path: str
    line: int


def judge_parity(tree: SourceTree) -> Iterator[Objection]:
    """Engines of Compose files against those of manifests and of settings."""
    development = [it for path, compose in tree.composes.items() for it in _of_compose(compose, path)]
    production = [it for path, documents in tree.manifests.items() for it in _of_manifests(documents, path)]
    yield from _differing(development, production)
    yield from _sqlite(tree, [*development, *production])


def _differing(development: list[_Service], production: list[_Service]) -> Iterator[Objection]:
    """Only where there is one answer on the other side: several images of one engine are several purposes."""
    told: set[tuple[str, int]] = set()
    for here in development:
        same = [there for there in production if there.engine == here.engine]
        majors = {there.major for there in same if there.major}
        if (here.path, here.line) in told:
            continue
        if here.major and len(majors) == 1 and here.major not in majors:
            told.add((here.path, here.line))
            what = f"{here.image} here, {same[0].image} in {same[0].path}:{same[0].line}"
            yield Objection(rule=rules.OTHER_ENGINE, path=here.path, line=here.line, what=what)
        elif here.engine in _DATABASES and not same:
            others = {there.engine: there for there in production if there.engine in _DATABASES}
            ours = {it.engine for it in development if it.engine in _DATABASES}
            if len(others) == 1 and len(ours) == 1:
                (other,) = others.values()
                told.add((here.path, here.line))
                what = f"{here.engine} here, {other.engine} in {other.path}:{other.line}"
                yield Objection(rule=rules.OTHER_ENGINE, path=here.path, line=here.line, what=what)


def _sqlite(tree: SourceTree, services: list[_Service]) -> Iterator[Objection]:
    databases = [it for it in services if it.engine in _DATABASES]
    if not databases:
        return
    for path in tree.own:
        if PurePosixPath(path).suffix not in {".py", ".js", ".ts"} or "migrations" in path:
            continue
        content = tree.text(path)
        if (found := _SQLITE.search(content)) and not _OTHER_DATABASE.search(content):
            line = content.count("\n", 0, found.start()) + 1
            other = databases[0]
            what = f"sqlite here, {other.engine} in {other.path}:{other.line}"
            yield Objection(rule=rules.OTHER_ENGINE, path=path, line=line, what=what)


def _of_compose(compose: Any, path: str) -> Iterator[_Service]:
    for service in table(compose.get("services")).values():
        if isinstance(service, dict) and "build" not in service:
            yield from _service(text(service.get("image")), path, key_line(service, "image"))


def _of_manifests(documents: Any, path: str) -> Iterator[_Service]:
    for document in documents:
        if text(document.get("kind")) not in POD_AT:
            continue
        pod: Any = document
        for step in POD_AT[text(document.get("kind"))]:
            pod = table(pod.get(step))
        for container in tables(table(pod.get("spec")).get("containers")):
            yield from _service(text(container.get("image")), path, key_line(container, "image") or line_of(container))


def _service(image: str, path: str, line: int) -> Iterator[_Service]:
    name, tag, _ = split_image(image)
    engine = _ENGINES.get(name.rpartition("/")[2])
    if engine:
        major = _MAJOR.match(tag)
        yield _Service(engine=engine, major=major[1] if major else "", image=image, path=path, line=line)
