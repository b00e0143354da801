# SPDX-License-Identifier: Apache-2.0
"""A source folder as the guardrails see it: paths somebody else walked, and what their files say, within bounds."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any, Final

from tidegate.bounds import KIB
from tidegate.checks.dockerfile import Dockerfile, parse_dockerfile
from tidegate.checks.documents import is_template, kind_by_name
from tidegate.errors import InvalidInputError
from tidegate.manifests.documents import read_documents

MAX_PATHS: Final = 100_000
MAX_FILE_BYTES: Final = 512 * KIB
"""A longer file is passed over: people do not write such by hand."""
MAX_LINE_CHARS: Final = 1000
"""A longer line is passed over: it was made by a program."""

_NOT_OURS: Final = re.compile(
    r"(?:^|/)(?:\.git|\.venv|venv|node_modules|bower_components|vendor|third_party|site-packages|dist|__pycache__|\.tox|\.idea)/"
)
_BESIDE: Final = re.compile(
    r"(?:^|/)(?:tests?|__tests__|specs?|e2e|cypress|fixtures?|testdata|mocks?|docs?|examples?|samples?|bench(?:marks?)?|"
    r"stories|\.github|\.devcontainer|\.storybook|src/test)/|"
    r"(?:^|/)(?:test_[^/]*|conftest\.py|[^/]*(?:[._-](?:test|tests|spec|stories|e2e)|Tests?)\.[a-z]+)$",
)
_DEVELOPMENT: Final = re.compile(
    r"(?:^|[.\s_/-])(?:dev|devel|development|local|debug|test|tests|testing|ci|e2e|override|example|sample|devcontainer)(?=$|[._/-])",
    re.IGNORECASE,
)


class SourceTree:
    """Paths and their bytes.

    Args:
        paths: of regular files, in POSIX form, relative to the folder; only the first `MAX_PATHS` are looked at.
        read: the bytes of one of them, `MAX_FILE_BYTES` and one more at most; an error of it is the caller's to raise.
    """

    def __init__(self, paths: Iterable[str], read: Callable[[str], bytes]) -> None:
        self.paths: Sequence[str] = [path for path in sorted(paths)[:MAX_PATHS] if not _NOT_OURS.search(path)]
        self._read = read
        self._texts: dict[str, str] = {}
        self._known = frozenset(self.paths)

    def __contains__(self, path: str) -> bool:
        return path in self._known

    def text(self, path: str) -> str:
        """What a file says; "" for one that is too long, holds null bytes or is not there."""
        if path not in self._known:
            return ""
        if path not in self._texts:
            raw = self._read(path)
            is_text = len(raw) <= MAX_FILE_BYTES and b"\0" not in raw
            self._texts[path] = raw.decode("utf-8", "replace") if is_text else ""
        return self._texts[path]

    def lines(self, path: str) -> list[tuple[int, str]]:
        """The lines of a file with their numbers, counted from 1; too long ones are left out."""
        numbered = enumerate(self.text(path).split("\n"), 1)
        return [(number, line) for number, line in numbered if len(line) <= MAX_LINE_CHARS]

    @cached_property
    def own(self) -> Sequence[str]:
        """Paths of what runs: neither tests, documentation nor examples."""
        return [path for path in self.paths if not _BESIDE.search(path)]

    @cached_property
    def dockerfiles(self) -> Mapping[str, Dockerfile]:
        """Every Dockerfile that can be read."""
        found: dict[str, Dockerfile] = {}
        for path in self.own:
            if kind_by_name(PurePosixPath(path).name) == "dockerfile" and (text := self.text(path)):
                try:
                    found[path] = parse_dockerfile(text.encode(), where=path)
                except InvalidInputError:
                    continue  # the checks of Dockerfiles tell of it
        return found

    @cached_property
    def shipped(self) -> Mapping[str, Dockerfile]:
        """Dockerfiles whose image is meant to run elsewhere: their names say nothing of development or tests."""
        return {path: it for path, it in self.dockerfiles.items() if not is_for_development(path)}

    @cached_property
    def composes(self) -> Mapping[str, Any]:
        """Every Compose file, read, with lines."""
        return {
            path: documents[0]
            for path in self.own
            if kind_by_name(PurePosixPath(path).name) == "compose"
            and (documents := self._documents(path, compose=True))
            and isinstance(documents[0], dict)
        }

    @cached_property
    def manifests(self) -> Mapping[str, Sequence[Any]]:
        """Every Kubernetes manifest that is no template, read, with lines."""
        found: dict[str, Sequence[Any]] = {}
        for path in self.own:
            if kind_by_name(PurePosixPath(path).name) != "manifest" or "apiVersion" not in (text := self.text(path)):
                continue
            if not is_template(text.encode()):
                documents = self._documents(path)
                if kept := [it for it in documents if isinstance(it, dict) and "kind" in it and "apiVersion" in it]:
                    found[path] = kept
        return found

    @cached_property
    def is_application(self) -> bool:
        """Something here is built into an image or deployed: what a mere library does not need is asked of it."""
        return bool(self.dockerfiles or self.manifests or "Procfile" in self)

    def beside(self, path: str, name: str) -> str:
        """The path of a file in the folder of another."""
        return PurePosixPath(path).with_name(name).as_posix()

    def named(self, name: str) -> list[str]:
        """Paths whose last part is `name`."""
        return [path for path in self.own if path == name or path.endswith(f"/{name}")]

    def _documents(self, path: str, *, compose: bool = False) -> list[Any]:
        try:
            return read_documents(self.text(path).encode(), where=path, placed=True, compose=compose)
        except InvalidInputError:
            return []  # the checks of manifests tell of it


def is_for_development(path: str) -> bool:
    """True for names such as `Dockerfile.dev`, `compose.override.yaml` or `deploy/local/app.yaml`."""
    return bool(_DEVELOPMENT.search(path))
