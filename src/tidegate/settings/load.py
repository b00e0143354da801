# SPDX-License-Identifier: Apache-2.0
"""Loads the settings, once: flag > `TIDEGATE_*` > `tidegate.toml` > default. Nothing else reads the environment."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tidegate.errors import UsageError
from tidegate.settings.convert import convert
from tidegate.settings.keys import ENVIRONMENT_PREFIX, Key, all_keys, branches
from tidegate.settings.toml_file import FILE_NAME, TomlSettings, read_toml
from tidegate.settings.tree import Settings

CONFIG_VARIABLE: Final = "TIDEGATE_CONFIG"
_TEST_PREFIX: Final = "TIDEGATE_TEST_"
# Kubernetes tells every pod of the services beside it; one named tidegate brings TIDEGATE_PORT=tcp://10.0.0.1:80.
_SERVICE_LINK: Final = re.compile(
    r"TIDEGATE_(?:\w+_)?(?:SERVICE_(?:HOST|PORT)(?:_\w+)?|PORT_[0-9]+_(?:TCP|UDP|SCTP)(?:_\w+)?|PORT)"
)
_PROXY_VARIABLES: Final = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
_CREDENTIALS: Final = (("DOCKER_CONFIG", "/config.json"), ("HOME", "/.docker/config.json"))
_SERVICE_URL: Final = re.compile(r"(?:tcp|udp|sctp)://")


def load(
    flags: Mapping[str, object] | None = None,
    *,
    config: Path | None = None,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Settings:
    """Builds the settings.

    Args:
        flags: values from the command line by key (`db`, `server.port`); None values are as if not given.
        config: the settings file; without it `tidegate.toml` in `folder` is read when it is there.
        environ: instead of the process's environment.
        folder: instead of the working directory.

    Raises:
        UsageError: an unknown key or a value that does not fit; it names the place and the key that may be meant.
        NotFoundError: `config` is not there.
    """
    environ = os.environ if environ is None else environ
    folder = Path.cwd() if folder is None else folder
    keys = all_keys()
    said = _from_file(keys, _file(config, environ, folder))
    said |= _from_environment(keys, environ, folder)
    said |= _from_flags(keys, flags or {}, folder)
    return _build(keys, {**_from_conventions(environ, said), **said}, environ)


def debug_wanted(environ: Mapping[str, str] | None = None) -> bool:
    """True when the environment asks for tracebacks; for the time before settings could be loaded."""
    value = (os.environ if environ is None else environ).get("TIDEGATE_DEBUG", "")
    return value.lower() not in {"", "0", "false", "no", "off"}


def _file(config: Path | None, environ: Mapping[str, str], folder: Path) -> TomlSettings | None:
    if config is None and environ.get(CONFIG_VARIABLE):
        config = Path(environ[CONFIG_VARIABLE])
    if config is not None:
        return read_toml(folder / config.expanduser())
    beside = folder / FILE_NAME
    return read_toml(beside) if beside.is_file() else None


def _from_file(keys: dict[str, Key], file: TomlSettings | None) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in file.values.items() if file else ():
        assert file is not None  # noqa: S101 - for the type checker
        where = file.where(name)
        if name not in keys:
            raise _unknown(name, list(keys), where)
        values[name] = convert(keys[name], value, where=where, folder=file.path.parent)
    return values


def _from_environment(keys: dict[str, Key], environ: Mapping[str, str], folder: Path) -> dict[str, Any]:
    by_variable = {key.variable: key for key in keys.values()}
    values: dict[str, Any] = {}
    for name in sorted(environ):
        if not name.startswith(ENVIRONMENT_PREFIX) or name == CONFIG_VARIABLE or _is_not_ours(name, environ[name]):
            continue
        if name not in by_variable:
            raise _unknown(name, list(by_variable), "the environment")
        key = by_variable[name]
        values[key.path] = convert(key, environ[name], where=name, folder=folder)
    return values


def _from_conventions(environ: Mapping[str, str], said: Mapping[str, Any]) -> dict[str, Any]:
    """What other programs' variables say; anything said to tidegate itself goes before."""
    values: dict[str, Any] = {}
    if environ.get("NO_COLOR"):
        values["colour"] = "never"
    if proxy := next((environ[name] for name in _PROXY_VARIABLES if environ.get(name)), ""):
        values["outbound.proxy"] = proxy
    named = _credentials_files(environ)
    if read := next(filter(Path.is_file, named), None):
        values["outbound.credentials_file"] = read
    # A login is kept where the next pull, by whatever program, looks for it.
    if written := said.get("outbound.credentials_file") or next(iter(named), None):
        values["client.login_file"] = written
    return values


def _credentials_files(environ: Mapping[str, str]) -> list[Path]:
    named = [environ.get("REGISTRY_AUTH_FILE", "")]
    named += [f"{environ[name]}{rest}" for name, rest in _CREDENTIALS if environ.get(name)]
    return [Path(name) for name in named if name]


def _is_not_ours(name: str, value: str) -> bool:
    if name.startswith(_TEST_PREFIX):
        return True
    link = _SERVICE_LINK.fullmatch(name)
    return bool(link and (not name.endswith("_PORT") or "_SERVICE_" in name or _SERVICE_URL.match(value)))


def _from_flags(keys: dict[str, Key], flags: Mapping[str, object], folder: Path) -> dict[str, Any]:
    given = {name: value for name, value in flags.items() if value is not None and value != ()}
    for name in given:
        if name not in keys:
            raise _unknown(name, list(keys), "the command line")
    return {name: convert(keys[name], value, where=_flag(name), folder=folder) for name, value in given.items()}


def _flag(name: str) -> str:
    return "--" + name.rpartition(".")[2].replace("_", "-")


def _build(keys: dict[str, Key], values: dict[str, Any], environ: Mapping[str, str]) -> Settings:
    home = values.get("home") or _default_home(environ)
    complete: dict[str, Any] = {
        name: values[name] if name in values else home / key.under_home if key.under_home else key.default
        for name, key in keys.items()
    }
    complete["home"] = home
    for branch, options in branches().items():
        own = [name for name in complete if name.startswith(branch + ".")]
        complete[branch] = options(**{name.partition(".")[2]: complete.pop(name) for name in own})
    return Settings(**complete)


def _default_home(environ: Mapping[str, str]) -> Path:
    data = environ.get("XDG_DATA_HOME", "")
    # The XDG base directory specification says to pass over relative paths.
    if data.startswith("/"):
        return Path(data) / "tidegate"
    user = environ.get("HOME", "")
    if not user:
        raise UsageError("there is no HOME to keep things in", remedy="set TIDEGATE_HOME to a folder of your own")
    return Path(user) / ".local" / "share" / "tidegate"


def _unknown(name: str, known: list[str], where: str) -> UsageError:
    from difflib import get_close_matches

    near = get_close_matches(name, known, n=1, cutoff=0.6)
    remedy = f"did you mean {near[0]}?" if near else "docs/reference/settings.md lists all keys"
    return UsageError(f"unknown setting {name[:120]!r}", where=where, remedy=remedy)
