# SPDX-License-Identifier: Apache-2.0
"""Guardrails over what a container runs when it starts."""

import re
from collections.abc import Iterator
from typing import Final

from tidegate.development.twelve_factor import rules
from tidegate.development.twelve_factor.rule import Objection, Rule
from tidegate.development.twelve_factor.starts import Script, Start, scripts_of, starts_of
from tidegate.development.twelve_factor.tree import SourceTree

_BUILDS: Final = re.compile(
    r"(?:npm|pnpm) (?:i|install|ci|add)\b|(?:npm|pnpm|yarn|bun) (?:run )?build\b|yarn(?: install| add)?(?= -|"
    r"$)|bun install\b|"
    r"(?:python[\d.]* -m )?pip[\d.]* install\b|poetry install\b|pipenv (?:install|sync)\b|uv (?:sync|pip install)\b|"
    r"bundle install\b|composer install\b|(?:\./)?(?:mvnw?|gradlew?) (?!-v)|go (?:build|run|install)\b|"
    r"cargo (?:build|run|install)\b|dotnet (?:build|run|publish|watch)\b|(?:apt-get|apt|apk|yum|dnf|"
    r"microdnf) (?:-\S+ )*(?:add|install)\b|"
    r"git (?:clone|pull)\b|tsc(?= |$)|webpack(?= |$)|make (?:build|install)\b"
)
_MIGRATES: Final = re.compile(
    r"(?:python[\d.]* )?(?:\S*/)?manage\.py migrate\b|django-admin migrate\b|alembic (?:-\S+ \S+ )*upgrade\b|"
    r"flask db upgrade\b|"
    r"(?:bundle exec |bin/)?(?:rails|rake) db:(?:migrate|prepare|setup)\b|(?:npx |yarn |"
    r"pnpm )?(?:prisma (?:migrate|db push)|"
    r"knex migrate:|sequelize(?:-cli)? db:migrate|typeorm migration:run)|php artisan migrate\b|flyway migrate\b|"
    r"liquibase update\b|dotnet ef database update\b"
)
_MANAGERS: Final = re.compile(
    r"(?:supervisord|pm2|pm2-runtime|forever|runsvdir|runsvinit|s6-svscan|my_init|monit|circusd|honcho|foreman|"
    r"overmind)(?= |$)|"
    r"(?:systemd|init)(?= |$)"
)
_LOOPBACK: Final = re.compile(
    r"(?:--?(?:host|hostname|bind|address|listen|addr|b|H)[ =]|runserver |-S )(?:127\.0\.0\.1|localhost|"
    r"\[?::1\]?)(?=[:\s]|$)"
)
_LOOPBACK_BY_DEFAULT: Final = re.compile(
    r"(?:flask(?: --\S+(?: \S+)?)* run(?! .*(?:-h|--host)\b)|uvicorn(?! .*(?:--host|--uds|--fd)\b)|"
    r"(?:python[\d.]* )?(?:\S*/)?manage\.py runserver(?! .*(?:\d+\.\d+\.\d+\.\d+|\[?::|0:)))(?= |$)"
)
_FLASK_HOST: Final = "FLASK_RUN_HOST"
_DEVELOPMENT_SERVERS: Final = re.compile(
    r"(?:python[\d.]* )?(?:\S*/)?manage\.py runserver\b|flask(?: --\S+(?: \S+)?)* run\b|(?:npx )?nodemon\b|"
    r"uvicorn .*--reload\b|"
    r"(?:npm|pnpm|yarn|bun) (?:run )?(?:dev|serve|start:dev)(?= |$)|php artisan serve\b|php -S \S|ng serve\b|"
    r"(?:bundle exec )?(?:bin/)?rails (?:server|s) .*-e development\b|webpack(?:-dev-server| serve)\b|vite(?= |"
    r"$)(?! preview)|"
    r"(?:npx )?ts-node-dev\b|air(?= -c|$)|gunicorn .*--reload\b|dotnet watch\b|next dev\b"
)
_LOG_FLAG: Final = re.compile(
    r"(?:--(?:access-?logfile|error-?logfile|log-?file|logto|daemonize|log-file-path))[ =](?!-(?:\s|$)|"
    r"/dev/)([^\s\"']+)"
)
_LOG_REDIRECTION: Final = re.compile(r"(?:^|\s|\d|&)>{1,2}\s*(/var/log/\S+|\S+\.log)(?=\s|$)")
_PACKAGE_MANAGERS: Final = re.compile(r"(?:npm|yarn|pnpm) (?:run )?(?:start|serve|prod|production|start:prod)(?= |$)")
_CRON: Final = re.compile(r"(?:cron|crond|supercronic|busybox crond)(?= |$)|service cron start\b")
_BY_WORDS: Final = (
    (rules.BUILDS_AT_START, _BUILDS),
    (rules.MIGRATES_AT_START, _MIGRATES),
    (rules.PROCESS_MANAGER, _MANAGERS),
    (rules.CRON_INSIDE, _CRON),
)
_BACKGROUND: Final = re.compile(r"(?<![&>])&(?![&>\d])")
_PASSES_ON: Final = frozenset({"exec", "trap", "wait", "tini", "dumb-init", "gosu", "su-exec"})
_ENDS: Final = re.compile(
    r"(?:fi|done|esac|\}|;;|exit|return|echo|export|set|cd|true|sleep|mkdir|chown|chmod|rm|cp|mv)\b|[})\]]"
)
_LONG: Final = re.compile(
    r"(?:node|python[\d.]*|ruby|java|php|php-fpm\S*|gunicorn|uvicorn|uwsgi|celery|nginx|apache2\S*|httpd\S*|"
    r"bundle exec|"
    r"dotnet|npm|yarn|pnpm|daphne|hypercorn|puma|rails|\./\S+|/\S+|\"?\$@\"?|\"?\$\{?\d|redis-server|caddy|"
    r"streamlit|waitress-serve)(?=[\s}\"]|$)"
)


def judge_starts(tree: SourceTree) -> Iterator[Objection]:
    """What a start should not do, said once for each line."""
    told: set[tuple[str, str, int]] = set()
    for start in starts_of(tree):
        for rule, what in _of_start(start, tree):
            key = (rule.id, start.path, start.line)
            if key not in told:
                told.add(key)
                yield Objection(rule=rule, path=start.path, line=start.line, what=what)
    for script in scripts_of(tree):
        yield from _of_script(script)


def _of_start(start: Start, tree: SourceTree) -> Iterator[tuple[Rule, str]]:
    command = start.command.removeprefix("exec ")
    shown = f"`{command[:80]}`"
    if start.is_first and start.is_own and (found := _loopback(command, start, tree)):
        yield rules.LOOPBACK, found
    if start.is_development:
        return
    for rule, words in _BY_WORDS:
        if words.match(command):
            yield rule, shown
    if _DEVELOPMENT_SERVERS.match(command):
        yield rules.DEVELOPMENT_SERVER, shown
    elif start.is_first and _PACKAGE_MANAGERS.match(command):
        yield rules.PACKAGE_MANAGER_STARTS, shown
    if found_log := _LOG_FLAG.search(command) or _LOG_REDIRECTION.search(command):
        yield rules.LOG_FILE, f"logs go to {found_log[1][:80]}"
    if not start.is_script and _BACKGROUND.search(_unquoted(start.text)) and not start.text.rstrip().endswith("wait"):
        yield rules.SEVERAL_PROCESSES, f"`{start.text[:80]}`"


def _loopback(command: str, start: Start, tree: SourceTree) -> str:
    if found := _LOOPBACK.search(command):
        return f"`{found[0].strip()[:80]}`"
    if _LOOPBACK_BY_DEFAULT.match(command) and _FLASK_HOST not in tree.text(start.path):
        return f"`{command[:80]}` names no address, and takes 127.0.0.1"
    return ""


def _of_script(script: Script) -> Iterator[Objection]:
    background = [(number, line) for number, line in script.lines if _is_daemon(line)]
    if background:
        number, line = background[0]
        what = f"`{line[:80]}` goes on in the background"
        yield Objection(rule=rules.SEVERAL_PROCESSES, path=script.path, line=number, what=what)
    words = {word for _, line in script.lines for word in re.split(r"[\s;&|()]+", line)}
    if words & _PASSES_ON or not script.lines:
        return
    number, line = script.lines[-1]
    if not _ENDS.match(line) and _LONG.match(line) and not line.endswith("&"):
        what = f"`{line[:80]}` is not started with exec"
        yield Objection(rule=rules.NO_EXEC, path=script.path, line=number, what=what)


def _is_daemon(line: str) -> bool:
    """`program … &`, and not a moment's help such as `(sleep 5; curl …) &` or what a loop waits for."""
    told = _unquoted(line).rstrip()
    return told.endswith("&") and not told.endswith("&&") and bool(_LONG.match(line.strip())) and "sleep" not in line


def _unquoted(text: str) -> str:
    return re.sub(r"\"[^\"]*\"|'[^']*'", "", text)
