# SPDX-License-Identifier: Apache-2.0
"""Guardrails over dependencies: declared, locked, held to, and not imported without being declared."""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, Final

from tidegate.checks.shell import commands_of
from tidegate.development.twelve_factor import rules
from tidegate.development.twelve_factor.python_imports import DISTRIBUTIONS
from tidegate.development.twelve_factor.rule import Objection
from tidegate.development.twelve_factor.starts import final_stage
from tidegate.development.twelve_factor.tree import SourceTree, is_for_development
from tidegate.inventory.python_name import normalised

_LOCKS: Final[Mapping[str, tuple[str, ...]]] = {
    "package.json": (
        *("package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "bun.lockb"),
        "deno.lock",
    ),
    "Pipfile": ("Pipfile.lock",),
    "Gemfile": ("Gemfile.lock",),
    "composer.json": ("composer.lock",),
    "Cargo.toml": ("Cargo.lock",),
    "go.mod": ("go.sum",),
    "pyproject.toml": ("poetry.lock", "uv.lock", "pdm.lock", "pylock.toml", "requirements.txt"),
}
_NEEDS: Final[Mapping[str, re.Pattern[str]]] = {
    "package.json": re.compile(r'"dependencies"\s*:\s*\{\s*"'),
    "Pipfile": re.compile(r"(?m)^\[packages\]\s*\n+\s*[\w\"]"),
    "Gemfile": re.compile(r"(?m)^\s*gem\s+['\"]"),
    "composer.json": re.compile(r'"require"\s*:\s*\{[^}]*"[\w.-]+/'),
    "Cargo.toml": re.compile(r"(?m)^\[dependencies\]\s*\n+\s*\w"),
    "go.mod": re.compile(r"(?m)^require\b"),
    "pyproject.toml": re.compile(r"(?m)^\[tool\.poetry\.dependencies\]"),
}
_PINNED: Final = re.compile(r"===?\s*[^*\s]+(?:\s|;|$|\\)|@\s*\S+://|^\S+://|^(?:git|hg|svn)\+|\.whl\b|^\.{0,2}/")
_REQUIREMENT: Final = re.compile(r"[A-Za-z0-9][\w.-]*")
_INCLUDED: Final = re.compile(r"(?:-r|--requirement)[ =](\S+)")
_PIP: Final = re.compile(r"(?:python[\d.]* -m )?pip[\d.]* (?:-\S+ )*install\b")
_TOOLS: Final = frozenset(
    {
        "pip",
        "setuptools",
        "wheel",
        "uv",
        "poetry",
        "pipenv",
        "pdm",
        "hatch",
        "virtualenv",
        "build",
        "pip-tools",
        "poetry-core",
    }
)
_NODE_TOOLS: Final = frozenset({"npm", "yarn", "pnpm", "corepack", "bun"})
_PIP_VALUES: Final = frozenset(
    {
        *("-r", "--requirement", "-c", "--constraint", "-i", "--index-url", "--extra-index-url", "-t", "--target"),
        *("--prefix", "--root", "-f", "--find-links", "--trusted-host", "--python-version", "--platform", "--timeout"),
        *("--retries", "--progress-bar", "--cache-dir", "--no-binary", "--only-binary", "-e", "--editable", "--log"),
        *("--config-settings", "--proxy", "--src", "--use-feature", "--implementation", "--abi"),
    }
)
_FROZEN: Final = re.compile(
    r"--frozen-lockfile|--immutable|--frozen\b|(?:^|\s)ci\b|-g\b|--global\b|"
    r"--location=global"
)
_JS_IMPORT: Final = re.compile(
    r"(?:\brequire\(\s*|^\s*import\s+|^\s*import\s[^'\"]{0,300}\sfrom\s+|"
    r"^\s*export\s[^'\"]{0,300}\sfrom\s+)['\"]([@\w][\w@./-]{0,200})['\"]"
)
_JS_FILE: Final = re.compile(r".+\.(?:js|mjs|cjs|ts|tsx|jsx)")
_JS_NOT_RUN: Final = re.compile(
    r"(?:.+\.config|\.?\w*rc|gulpfile|gruntfile|webpack.*|.+\.d|.+\.min|karma.*|setupTests|service-worker|sw)\.\w+",
    re.IGNORECASE,
)
_NODE_BUILT_IN: Final = frozenset(
    [
        "assert",
        "async_hooks",
        "buffer",
        "child_process",
        "cluster",
        "console",
        "constants",
        "crypto",
        "dgram",
        "diagnostics_channel",
        "dns",
        "domain",
        "events",
        "fs",
        "http",
        "http2",
        "https",
        "inspector",
        "module",
        "net",
        "os",
        "path",
        "perf_hooks",
        "process",
        "punycode",
        "querystring",
        "readline",
        "repl",
        "stream",
        "string_decoder",
        "sys",
        "timers",
        "tls",
        "trace_events",
        "tty",
        "url",
        "util",
        "v8",
        "vm",
        "wasi",
        "worker_threads",
        "zlib",
    ]
)
_DECLARES: Final = (
    *("dependencies", "devDependencies", "peerDependencies", "optionalDependencies", "bundledDependencies", "imports"),
)
_PY_IMPORT: Final = re.compile(r"^(?:import|from)\s+([A-Za-z_]\w*)")
_PY_DECLARING: Final = re.compile(
    r"(?:.*/)?(?:(?:\w+[-_])*requirements?(?:[-_.]\w+)*\.(?:txt|in)|requirements/[^/]*\.(?:txt|in)|pyproject\.toml|"
    r"setup\.(?:py|cfg)|Pipfile|environment\.ya?ml)"
)
_MAX_PER_FILE: Final = 20


def judge_dependencies(tree: SourceTree) -> Iterator[Objection]:
    """What is installed or imported without a manifest or a lock file that says so."""
    if tree.is_application:
        yield from _without_lock(tree)
        yield from _unpinned(tree)
        yield from _js_imports(tree)
        yield from _python_imports(tree)
    for path in tree.shipped:
        yield from _of_dockerfile(tree, path)


def _without_lock(tree: SourceTree) -> Iterator[Objection]:
    for manifest, locks in _LOCKS.items():
        for path in tree.named(manifest):
            text = tree.text(path)
            if not (found := _NEEDS[manifest].search(text)):
                continue
            folders = [
                path,
                *(f"{it}/{manifest}" if str(it) != "." else manifest for it in PurePosixPath(path).parents),
            ]
            if any(tree.beside(folder, lock) in tree for folder in folders for lock in locks):
                continue
            line = text.count("\n", 0, found.start()) + 1
            what = (
                f"neither {locks[0]} nor its like lies beside" if len(locks) > 1 else f"{locks[0]} does not lie beside"
            )
            yield Objection(rule=rules.NO_LOCK_FILE, path=path, line=line, what=what)


def _unpinned(tree: SourceTree) -> Iterator[Objection]:
    """Requirements that a Dockerfile installs, once a file."""
    installed = {
        PurePosixPath(found).name
        for dockerfile in tree.shipped.values()
        for one in dockerfile.instructions
        if one.keyword == "RUN"
        for found in _INCLUDED.findall(one.text)
    }
    for path in tree.own:
        if PurePosixPath(path).name not in installed:
            continue
        loose = [(number, line) for number, line in tree.lines(path) if _is_loose(line)]
        if loose:
            number, line = loose[0]
            more = f", and {len(loose) - 1} more" if len(loose) > 1 else ""
            yield Objection(rule=rules.UNPINNED, path=path, line=number, what=f"`{line.strip()[:60]}`{more}")


def _is_loose(line: str) -> bool:
    told = line.partition(" #")[0].strip()
    return bool(_REQUIREMENT.match(told)) and not _PINNED.search(told)


def _of_dockerfile(tree: SourceTree, path: str) -> Iterator[Objection]:
    is_developers = False
    for one in tree.shipped[path].instructions:
        if one.keyword == "FROM":
            is_developers = is_for_development(" ".join(one.words[2:]))
        if one.keyword != "RUN" or one.is_trigger or is_developers:
            continue
        for command in commands_of(one.text):
            if (found := _PIP.match(command)) and (names := _named_by_pip(command[found.end() :])):
                what = f"pip installs {', '.join(names[:5])}"
                yield Objection(rule=rules.UNDECLARED_INSTALL, path=path, line=one.line, what=what)
            elif names := _named_by_npm(command):
                what = f"npm installs {', '.join(names[:5])}"
                yield Objection(rule=rules.UNDECLARED_INSTALL, path=path, line=one.line, what=what)
    for one in final_stage(tree.shipped[path]):
        for command in commands_of(one.text) if one.keyword == "RUN" else ():
            if (lock := _passed_over(command)) and any(tree.beside(path, it) in tree for it in lock):
                what = f"`{command[:60]}`"
                yield Objection(rule=rules.LOCK_FILE_PASSED_OVER, path=path, line=one.line, what=what)


def _named_by_pip(arguments: str) -> list[str]:
    names: list[str] = []
    words = iter(arguments.split())
    for word in words:
        if word in _PIP_VALUES:
            next(words, None)
            continue
        bare = word.strip("'\"")
        is_name = bool(_REQUIREMENT.match(bare)) and "/" not in bare and not bare.endswith((".whl", ".gz", ".zip"))
        if is_name and not re.search(r"==|@|\$", bare):
            name = re.split(r"[\[<>=!~]", bare)[0]
            if normalised(name) not in _TOOLS:
                names.append(name)
    return names


def _named_by_npm(command: str) -> list[str]:
    words = command.split()
    if words[:1] not in (["npm"], ["pnpm"]) or words[1:2] not in (["install"], ["i"], ["add"]) or "$(" in command:
        return []
    names = [word for word in words[2:] if re.fullmatch(r"(?:@[\w.-]+/)?[a-z][\w.-]*(?:@latest)?", word)]
    return [name for name in names if name.removesuffix("@latest") not in _NODE_TOOLS]


def _passed_over(command: str) -> tuple[str, ...]:
    if _FROZEN.search(command):
        return ()
    if re.match(r"npm (?:i|install)(?= -|$)", command):
        return ("package-lock.json", "npm-shrinkwrap.json")
    if re.match(r"yarn(?: install)?(?= -|$)", command):
        return ("yarn.lock",)
    return ()  # pnpm freezes by itself where CI is set, and says so where it is not


def _js_imports(tree: SourceTree) -> Iterator[Objection]:
    declared = {str(PurePosixPath(path).parent): _js_declared(tree, path) for path in tree.named("package.json")}
    names = {name for _, own in declared.values() for name in own}
    for path in tree.own:
        name = PurePosixPath(path).name
        if not _JS_FILE.fullmatch(name) or _JS_NOT_RUN.fullmatch(name) or "/public/" in path or "/static/" in path:
            continue
        folders = [folder for it in PurePosixPath(path).parents if (folder := str(it)) in declared]
        if (
            not folders
            or any(tree.beside(f"{folder}/x", "tsconfig.json") in tree for folder in folders)
            or _aliased(tree)
        ):
            continue
        known = set().union(*(declared[folder][0] for folder in folders)) | names
        told: set[str] = set()
        for number, line in tree.lines(path):
            if not (found := _JS_IMPORT.search(line)):
                continue
            parts = found[1].split("/")
            package = "/".join(parts[:2]) if found[1].startswith("@") else parts[0]
            is_known = package in known or package in _NODE_BUILT_IN or package in told or package == "@"
            if not is_known and len(told) < _MAX_PER_FILE:
                told.add(package)
                yield Objection(rule=rules.UNDECLARED_IMPORT, path=path, line=number, what=f"imports {package}")


def _aliased(tree: SourceTree) -> bool:
    return any(
        it in tree for it in ("jsconfig.json", "vite.config.js", "vite.config.ts", "vue.config.js", "angular.json")
    )


def _js_declared(tree: SourceTree, path: str) -> tuple[frozenset[str], frozenset[str]]:
    """What a package.json declares, and its own name."""
    try:
        document: Any = json.loads(tree.text(path))
    except (ValueError, RecursionError):
        return frozenset(), frozenset()
    if not isinstance(document, dict):
        return frozenset(), frozenset()
    names = {str(name) for key in _DECLARES if isinstance(document.get(key), dict | list) for name in document[key]}
    return frozenset(names), frozenset({str(document.get("name", ""))})


def _python_imports(tree: SourceTree) -> Iterator[Objection]:
    """Imports whose distributions are known (`python_imports`), where none of those is declared."""
    declaring = [path for path in tree.paths if _PY_DECLARING.fullmatch(path)]
    if not declaring:
        return
    declared = {normalised(name) for path in declaring for name in re.findall(r"[A-Za-z0-9][\w.-]*", tree.text(path))}
    local = {part for path in tree.paths if path.endswith(".py") for part in PurePosixPath(path).with_suffix("").parts}
    missing: dict[str, list[tuple[str, int]]] = {}
    for path in tree.own:
        if not path.endswith(".py") or path.endswith("setup.py"):
            continue
        for number, line in tree.lines(path):
            found = _PY_IMPORT.match(line)
            if not found or found[1] in local or found[1] in sys.stdlib_module_names:
                continue
            wanted = DISTRIBUTIONS.get(found[1], ())
            if wanted and not declared & set(wanted):
                missing.setdefault(found[1], []).append((path, number))
    for module, places in missing.items():
        first, at = places[0]
        more = f", here and in {len(places) - 1} more places" if len(places) > 1 else ""
        yield Objection(rule=rules.UNDECLARED_IMPORT, path=first, line=at, what=f"imports {module}{more}")
