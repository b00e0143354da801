# SPDX-License-Identifier: Apache-2.0
"""Settings: who goes before whom, what is refused and where, and what does not leak in."""

from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest

from tidegate.errors import BoundExceededError, NotFoundError, TidegateError, UsageError
from tidegate.settings import Settings, load
from tidegate.settings.keys import all_keys
from tidegate.settings.load import debug_wanted


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def _load(folder: Path, environ: dict[str, str] | None = None, **rest: Any) -> Settings:
    home = str(folder.parent)
    return load(rest.pop("flags", None), environ={"HOME": home} | (environ or {}), folder=folder, **rest)


def test_with_nothing_said_everything_has_a_value(folder: Path) -> None:
    settings = _load(folder)
    home = folder.parent / ".local/share/tidegate"
    assert settings.home == home
    assert settings.db == home / "knowledge.db"
    assert settings.scan.cache_dir == home / "cache"
    assert settings.signing.key_file == home / "keys/signing.pem"
    assert settings.server.host == "127.0.0.1"
    with pytest.raises(FrozenInstanceError):
        settings.server.port = 1  # type: ignore[misc] # the point of the test


def test_flag_before_environment_before_file_before_default(folder: Path) -> None:
    key = "server.port"
    assert _load(folder).server.port == all_keys()[key].default
    (folder / "tidegate.toml").write_text("[server]\nport = 1001\n")
    assert _load(folder).server.port == 1001
    environ = {"TIDEGATE_SERVER_PORT": "1002"}
    assert _load(folder, environ).server.port == 1002
    assert _load(folder, environ, flags={key: "1003"}).server.port == 1003
    assert _load(folder, environ, flags={key: None}).server.port == 1002


def test_home_moves_everything_that_was_not_named(folder: Path) -> None:
    settings = _load(folder, {"TIDEGATE_HOME": "/srv/tide", "TIDEGATE_DB": "own.db"})
    assert settings.scan.cache_dir == Path("/srv/tide/cache")
    assert settings.db == folder / "own.db"
    assert _load(folder, {"XDG_DATA_HOME": "/data"}).home == Path("/data/tidegate")
    assert _load(folder, {"XDG_DATA_HOME": "relative"}).home == folder.parent / ".local/share/tidegate"


def test_paths_in_a_file_stand_on_its_folder(folder: Path) -> None:
    other = folder.parent / "etc"
    other.mkdir()
    (other / "t.toml").write_text('db = "k.db"\n[policy]\nfiles = ["a.yaml", "/b.yaml"]\n')
    settings = _load(folder, config=other / "t.toml")
    assert settings.db == other / "k.db"
    assert settings.policy.files == (other / "a.yaml", Path("/b.yaml"))
    assert _load(folder, {"TIDEGATE_CONFIG": str(other / "t.toml")}).db == other / "k.db"
    assert _load(folder, {"TIDEGATE_POLICY_FILES": "x.yaml:/y.yaml"}).policy.files == (
        folder / "x.yaml",
        Path("/y.yaml"),
    )


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            "[server]\nhost = 'a'\nprot = 1\n",
            "tidegate.toml:3: unknown setting 'server.prot'; did you mean server.port?",
        ),
        ("hmoe = '/x'\n", "tidegate.toml:1: unknown setting 'hmoe'; did you mean home?"),
        ("\n\n[nothing]\nx = 1\n", "tidegate.toml:4: unknown setting 'nothing.x'; docs/reference/settings.md lists"),
        ("[server]\nport = 'x'\n", "tidegate.toml:2: server.port cannot be 'x'; it must be a whole number"),
        ("[server]\nport = 70000\n", "it must be a number from 0 to 65535"),
        ("[server]\nport = true\n", "it must be a number"),
        ("[server.port]\nx = 1\n", "server.port cannot be {'x': 1}"),
        ("server = 1\n", "tidegate.toml:1: unknown setting 'server'"),
        ("debug = 'perhaps'\n", "it must be true or false"),
        ("colour = 'blue'\n", "it must be one of auto, always, never"),
        ("[outbound]\nread_timeout_s = nan\n", "it must be a number of seconds"),
        ("[policy]\nfiles = 1\n", "it must be a list of paths"),
        ("home = 1\n", "it must be the path of a file or folder"),
        ('home = "a\\u0000b"\n', "it must be the path of a file or folder"),
        ("a = = 1\n", "tidegate.toml: not TOML: "),
        ("[server]\nport = 1\nport = 2\n", "tidegate.toml: not TOML: "),
    ],
)
def test_what_is_wrong_is_told_with_its_place(folder: Path, text: str, error: str) -> None:
    (folder / "tidegate.toml").write_text(text)
    with pytest.raises(UsageError) as caught:
        _load(folder)
    assert error in str(caught.value)


def test_unknown_variables_are_refused_by_name(folder: Path) -> None:
    with pytest.raises(UsageError, match="unknown setting 'TIDEGATE_HOMEE'; did you mean TIDEGATE_HOME"):
        _load(folder, {"TIDEGATE_HOMEE": "/x"})
    with pytest.raises(UsageError, match=r"TIDEGATE_SERVER_PORT: server\.port cannot be"):
        _load(folder, {"TIDEGATE_SERVER_PORT": "http"})
    with pytest.raises(UsageError, match=r"--workers: scan\.workers cannot be -1"):
        _load(folder, flags={"scan.workers": -1})


def test_what_kubernetes_tells_of_a_service_named_tidegate_is_none_of_ours(folder: Path) -> None:
    url = "tcp://10.0.0.1:80"
    link = {
        "TIDEGATE_SERVICE_HOST": "10.0.0.1",
        "TIDEGATE_SERVICE_PORT": "80",
        "TIDEGATE_SERVICE_PORT_HTTP": "80",
        "TIDEGATE_PORT": url,
        "TIDEGATE_PORT_80_TCP": url,
        "TIDEGATE_PORT_80_TCP_ADDR": "10.0.0.1",
        "TIDEGATE_SERVER_PORT": url,
        "TIDEGATE_SERVER_SERVICE_PORT": "80",
    }
    assert _load(folder, link) == _load(folder)


@pytest.mark.parametrize(
    ("text", "value"),
    [("16", 16), ("1KiB", 1024), ("3 MiB", 3 << 20), ("2g", 2 << 30), ("1TiB", 1 << 40), ("1_000", 1000)],
)
def test_sizes_may_carry_their_unit(folder: Path, text: str, value: int) -> None:
    assert _load(folder, {"TIDEGATE_SERVER_MAX_UPLOAD_BYTES": text}).server.max_upload_bytes == value


def test_conventions_of_others_count_least(folder: Path) -> None:
    environ = {"NO_COLOR": "1", "HTTPS_PROXY": "http://proxy:3128"}
    settings = _load(folder, environ)
    assert (settings.colour, settings.outbound.proxy) == ("never", "http://proxy:3128")
    (folder / "tidegate.toml").write_text("colour = 'always'\n")
    assert _load(folder, environ).colour == "always"


def test_registry_passwords_are_found_where_others_keep_them(folder: Path) -> None:
    assert _load(folder).outbound.credentials_file is None
    docker = folder.parent / ".docker"
    docker.mkdir()
    (docker / "config.json").write_text("{}")
    assert _load(folder).outbound.credentials_file == docker / "config.json"
    podman = folder / "auth.json"
    podman.write_text("{}")
    assert _load(folder, {"REGISTRY_AUTH_FILE": str(podman)}).outbound.credentials_file == podman


def test_a_file_that_is_named_must_be_there_and_small(folder: Path) -> None:
    with pytest.raises(NotFoundError, match="no such settings file"):
        _load(folder, config=folder / "none.toml")
    (folder / "tidegate.toml").write_bytes(b"#" * (1 << 20) + b"\n")
    with pytest.raises(BoundExceededError):
        _load(folder)


def test_without_a_home_one_must_be_named(tmp_path: Path) -> None:
    with pytest.raises(TidegateError, match="set TIDEGATE_HOME"):
        load(environ={}, folder=tmp_path)
    assert load(environ={"TIDEGATE_HOME": "/x"}, folder=tmp_path).home == Path("/x")


@pytest.mark.parametrize(("value", "wanted"), [("", False), ("0", False), ("false", False), ("1", True), ("yes", True)])
def test_debug_is_known_before_settings_are(value: str, wanted: bool) -> None:
    assert debug_wanted({"TIDEGATE_DEBUG": value}) is wanted
    assert debug_wanted({}) is False


def test_the_reference_page_lists_every_key_and_no_other() -> None:
    page = Path(__file__).resolve().parents[2] / "docs/reference/settings.md"
    rows = [line.split("|") for line in page.read_text().splitlines() if line.startswith("| `")]
    told = {cells[1].strip().strip("`"): (cells[2].strip().strip("`"), cells[-2].strip()) for cells in rows}
    assert told == {key.path: (key.variable, key.meaning) for key in all_keys().values()}
