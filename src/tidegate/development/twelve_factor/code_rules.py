# SPDX-License-Identifier: Apache-2.0
"""Guardrails over lines of code and settings: which files, which words, and which words beside them excuse."""

import re
from collections import deque
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final

from tidegate.checks.secret_name import is_secret_name, looks_empty
from tidegate.development.twelve_factor import rules
from tidegate.development.twelve_factor.rule import Objection, Rule
from tidegate.development.twelve_factor.tree import SourceTree, is_for_development
from tidegate.values import Struct

_CODE: Final = r"py|js|mjs|cjs|ts|tsx|jsx|go|rb|java|kt|scala|php|cs|rs"
_SETTINGS: Final = r"ya?ml|json|toml|ini|cfg|conf|properties|xml"
_FROM_ENVIRONMENT: Final = re.compile(
    r"environ|getenv|process\.env|import\.meta\.env|\bENV\[|ENV\.fetch|\$\{|\{\{|env\(|env\.|config\(|std::env|"
    r"GetEnvironmentVariable|"
    r"System\.getenv|@Value|Deno\.env|\benv[._]",
    re.IGNORECASE,
)
_COMMENT: Final = re.compile(r"\s*(?:#|//|\*|/\*|--|;|<!--|\"\"\"|''')")
_PLACEHOLDER: Final = re.compile(
    r"<[^>]*>|\*{3}|x{4}|\buser(?:name)?:pass(?:word)?@|example\.(?:com|org|net)|your[_-]|%s|%\(|\{\w*\}|\$\w",
    re.IGNORECASE,
)
_BACKENDS: Final = (
    r"(?:postgres(?:ql)?(?:\+\w+)?|mysql(?:\+\w+)?|mariadb(?:\+\w+)?|mongodb(?:\+srv)?|rediss?|amqps?|"
    r"mssql(?:\+\w+)?)"
)


class _Pattern(Struct, frozen=True, kw_only=True):
    """A rule by words of one line.

    Attributes:
        files: of the base name, whole.
        words: looked for in the whole text first; what repeats in it is bounded, or cannot begin at every place.
        unless: words of the same line that excuse.
    """

    rule: Rule
    files: re.Pattern[str]
    words: re.Pattern[str]
    unless: re.Pattern[str] | None = None


def _files(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.MULTILINE)


_PATTERNS: Final = (
    _Pattern(
        rule=rules.CONNECTION_STRING,
        files=_files(
            rf".+\.(?:{_CODE}|json|toml|ini|cfg|properties|xml)|(?:application|config|settings|database).*\.ya?ml"
        ),
        words=_words(rf"\b(?:jdbc:)?{_BACKENDS}://[^\s:/@'\"]{{0,80}}:[^\s/@'\"$%{{<]{{1,80}}@[\w.-]{{1,200}}"),
        unless=re.compile(rf"{_FROM_ENVIRONMENT.pattern}|{_PLACEHOLDER.pattern}", re.IGNORECASE),
    ),
    _Pattern(
        rule=rules.SERVICE_ADDRESS,
        files=_files(rf".+\.(?:{_CODE}|properties)"),
        words=_words(
            rf"['\"=]\s*(?:jdbc:)?{_BACKENDS}://(?:[\w.-]{{1,100}}@)?(?!localhost\b|127\.|"
            rf"0\.0\.0\.0)[\w.-]{{1,200}}(?::\d{{2,5}})?(?=[/'\"?]|$)"
        ),
        unless=re.compile(
            rf"{_FROM_ENVIRONMENT.pattern}|{_PLACEHOLDER.pattern}|\.startsWith|startswith|\|\||\?\?", re.IGNORECASE
        ),
    ),
    _Pattern(
        rule=rules.LOCAL_SESSIONS,
        files=_files(r".+\.(?:py|js|mjs|ts|php|ini|properties|ya?ml|rb)"),
        words=_words(
            r"SESSION_ENGINE\s*=\s*['\"]django\.contrib\.sessions\.backends\.file['\"]|"
            r"SESSION_TYPE['\"\]]*\s*[=:]\s*['\"]filesystem['\"]|^[ \t]*session\.save_handler\s*=\s*\"?files|"
            r"require\(['\"]session-file-store['\"]\)|from ['\"]session-file-store['\"]|^SESSION_DRIVER=file\b"
        ),
    ),
    _Pattern(
        rule=rules.STICKY_SESSIONS,
        files=_files(r".+\.conf(?:\.template)?|haproxy\.cfg"),
        words=_words(r"^[ \t]*(?:ip_hash\s*;|sticky\s+(?:cookie|route|learn)\b|balance\s+source\b)"),
    ),
    _Pattern(
        rule=rules.LOOPBACK,
        files=_files(rf".+\.(?:{_CODE})"),
        words=_words(
            r"\.run\([^)\n]{0,200}host\s*=\s*['\"](?:127\.0\.0\.1|localhost)['\"]|"
            r"\.listen\(\s*[\w.]{1,60}\s*,\s*['\"](?:127\.0\.0\.1|localhost)['\"]|"
            r"(?:ListenAndServe(?:TLS)?|net\.Listen)\((?:\"tcp[46]?\",\s*)?\"(?:127\.0\.0\.1|localhost):\d{1,5}\"|"
            r"TcpListener::bind\(\"(?:127\.0\.0\.1|localhost):\d{1,5}\"\)"
        ),
        unless=_FROM_ENVIRONMENT,
    ),
    _Pattern(
        rule=rules.FIXED_PORT,
        files=_files(r"(?:server|app|index|main|www)\.(?:js|mjs|cjs|ts|go|py|rs)"),
        words=_words(
            r"\b(?:app|server|http|fastify)\.listen\(\s*\d{2,5}\s*[,)]|"
            r"ListenAndServe(?:TLS)?\(\"(?:0\.0\.0\.0)?:\d{2,5}\"|"
            r"^[ \t]*(?:app|application)\.run\([^)\n]{0,200}port\s*=\s*\d{2,5}\b"
        ),
        unless=_FROM_ENVIRONMENT,
    ),
    _Pattern(
        rule=rules.LOG_FILE,
        files=_files(rf".+\.(?:{_CODE}|{_SETTINGS})(?:\.template)?"),
        words=_words(
            r"\b(?:logging(?:\.handlers)?\.)?(?:(?:Timed)?Rotating|Watched)?FileHandler\(|"
            r"['\"]?class['\"]?\s*[:=]\s*['\"]?logging\.(?:handlers\.)?\w{0,20}FileHandler\b|"
            r"<(?:RollingFile|RollingRandomAccessFile|RandomAccessFile|File)\s+name=[^>]{0,300}\bfileName=|"
            r"<appender\s[^>]{0,300}class=\"(?:ch\.qos\.logback\.core\.(?:rolling\.)?\w{0,10}FileAppender|"
            r"org\.apache\.log4j\.\w{0,20}FileAppender)\"|"
            r"^log4j\.appender\.\w{1,60}\s*=\s*org\.apache\.log4j\.\w{0,20}FileAppender|"
            r"^appender\.\w{1,60}\.type\s*=\s*(?:Rolling)?(?:RandomAccess)?File\b|"
            r"new (?:winston\.)?transports\.(?:Daily(?:Rotate)?)?File\(|new DailyRotateFile\(|"
            r"^[ \t]*logging\.file(?:\.(?:name|path))?\s*=\s*\S|"
            r"^[ \t]*(?:std(?:out|err)_logfile|logfile)\s*=\s*(?!/dev/)(?:/|%\()\S*|^[ \t]*(?:logto|"
            r"daemonize)\s*=\s*(?!/dev/)\S"
        ),
    ),
    _Pattern(
        rule=rules.DEVELOPMENT_SERVER,
        files=_files(r"(?:app|main|server|wsgi|run)\.py"),
        words=_words(r"^[ \t]*(?:app|application)\.run\([^)\n]{0,200}debug\s*=\s*True"),
        unless=_FROM_ENVIRONMENT,
    ),
)
_BEFORE: Final = 4
"""Lines that excuse: a default often stands below the reading of the variable it is the default of."""
_WEB_SERVER_LOG: Final = re.compile(
    r"^\s*(?:access_log|error_log|CustomLog|ErrorLog|TransferLog)\s+[\"']?((?!/dev/|/proc/|syslog:|stderr|"
    r"off\b|\|)[\w./${}-]{1,200})"
)
_ENV_FILE: Final = re.compile(r"\.env(?:\.(?:prod|production|staging|live|local))?|(?:prod|production|staging)\.env")
_ENV_LINE: Final = re.compile(r"\s*(?:export\s+)?([A-Za-z_]\w{0,100})\s*=\s*(.*?)\s*")
_SETTING: Final = re.compile(r"\s*([\w.-]{1,100})\s*[=:]\s*(\S.*?)\s*")
_SETTINGS_FILE: Final = re.compile(r"(?:application|bootstrap)(?:-[\w-]+)?\.(?:properties|ya?ml)")
_DJANGO_SECRET: Final = re.compile(r"^(SECRET_KEY)\s*=\s*(['\"])([^'\"]{8,})\2\s*(?:#.*)?$")
_WEAK_WORDS: Final = re.compile(
    r"change|replace|example|placeholder|dummy|insecure|dev|test|build|"
    r"todo",
    re.IGNORECASE,
)


def judge_code(tree: SourceTree) -> Iterator[Objection]:
    """What lines of code and settings say that belongs elsewhere; only in trees that are deployed as containers."""
    if not tree.is_application:
        return
    for path in tree.own:
        if is_for_development(path):
            continue
        name = PurePosixPath(path).name
        yield from _by_words(tree, path, name)
        if _ENV_FILE.fullmatch(name):
            yield from _of_env_file(tree, path)
        elif _SETTINGS_FILE.fullmatch(name):
            yield from _of_settings(tree, path)
        elif name.endswith((".conf", ".conf.template")):
            yield from _of_web_server(tree, path)
        elif name.endswith(".py") and "settings" in path:
            yield from _of_django(tree, path)


def _by_words(tree: SourceTree, path: str, name: str) -> Iterator[Objection]:
    text = tree.text(path)
    patterns = [one for one in _PATTERNS if one.files.fullmatch(name) and one.words.search(text)]
    if not patterns:
        return
    if path in tree.composes or path in tree.manifests:
        # There configuration is where it belongs; their own checks ask about secrets in it.
        patterns = [one for one in patterns if one.rule is not rules.CONNECTION_STRING]
    before: deque[str] = deque(maxlen=_BEFORE)
    for number, line in tree.lines(path):
        if len(line) < 8 or _COMMENT.match(line):  # noqa: PLR2004 - nothing that short says anything
            continue
        before.append(line)
        for one in patterns:
            found = one.words.search(line)
            if found and not (one.unless and one.unless.search("\n".join(before))):
                yield Objection(rule=one.rule, path=path, line=number, what=_shown(one.rule, found[0]))
                break  # the first says most of a line


def _shown(rule: Rule, what: str) -> str:
    if rule is rules.CONNECTION_STRING:
        head, _, rest = what.partition("://")
        return f"{head}://…@{rest.rpartition('@')[2]}"
    return f"`{what.strip()[:80]}`"


def _of_env_file(tree: SourceTree, path: str) -> Iterator[Objection]:
    for number, line in tree.lines(path):
        found = _ENV_LINE.fullmatch(line)
        if not found or not found[2] or _PLACEHOLDER.search(found[2]) or _WEAK_WORDS.search(found[2]):
            continue
        name, value = found[1], found[2].strip("'\"")
        is_login = re.match(rf"{_BACKENDS}://[^\s:/@]*:[^\s/@$]+@", value)
        if is_login or (is_secret_name(name) and not looks_empty(value)):
            yield Objection(rule=rules.ENV_FILE_COMMITTED, path=path, line=number, what=f"{name} has its value here")
            return  # once for a file


def _of_settings(tree: SourceTree, path: str) -> Iterator[Objection]:
    for number, line in tree.lines(path):
        if line.lstrip().startswith(("#", "!")) or not (found := _SETTING.fullmatch(line)):
            continue
        name, value = found[1], found[2].strip("'\"")
        last = name.rpartition(".")[2]
        if not is_secret_name(last) or looks_empty(value) or _FROM_ENVIRONMENT.search(value) or "(" in value:
            continue
        if not _PLACEHOLDER.search(value) and not value.startswith(("ENC(", "{cipher}", "|", ">", "&", "*", "[")):
            yield Objection(rule=rules.SETTING_WITH_SECRET, path=path, line=number, what=f"{name} has its value here")


def _of_django(tree: SourceTree, path: str) -> Iterator[Objection]:
    for number, line in tree.lines(path):
        if (found := _DJANGO_SECRET.match(line)) and not _WEAK_WORDS.search(found[3]):
            yield Objection(rule=rules.SETTING_WITH_SECRET, path=path, line=number, what="SECRET_KEY is written out")


def _of_web_server(tree: SourceTree, path: str) -> Iterator[Objection]:
    linked = {
        target
        for dockerfile in tree.dockerfiles
        for target in re.findall(r"ln -sf\s+/dev/std(?:out|err)\s+(\S+)", tree.text(dockerfile))
    }
    bases = " ".join(one.text for it in tree.dockerfiles.values() for one in it.instructions if one.keyword == "FROM")
    for number, line in tree.lines(path):
        if not (found := _WEB_SERVER_LOG.match(line)):
            continue
        target = found[1]
        # The official images link their own two files to the standard streams.
        is_linked = target in linked or (
            "nginx" in bases and target in {"/var/log/nginx/access.log", "/var/log/nginx/error.log"}
        )
        if not is_linked:
            yield Objection(rule=rules.LOG_FILE, path=path, line=number, what=f"logs go to {target[:80]}")
