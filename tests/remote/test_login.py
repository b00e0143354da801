# SPDX-License-Identifier: Apache-2.0
"""Logging in to a server from a command: what is kept, what goes as whom, what is never shown."""

import base64
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from access_material import PASSWORD, TOKEN
from api_server import ApiServer
from desk import Desk
from oidc_issuer import OidcIssuer

from tidegate.artifact import Reference
from tidegate.errors import InvalidInputError, OutsideError, RefusedError, UsageError
from tidegate.oci.credentials import Credentials, load_keyring
from tidegate.outbound import Outbound
from tidegate.remote import RemoteServer, parse_server
from tidegate.remote.browser_login import log_in_by_browser
from tidegate.remote.issuer import Login, chosen, discover, logins_of
from tidegate.remote.login_file import LoginFile


def told_by(done: "subprocess.CompletedProcess[str]") -> str:
    assert done.returncode == 0, done.stderr
    return done.stderr


def whoami(desk: Desk) -> dict[str, Any]:
    done = desk.run("whoami", "--format", "json")
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_a_password_buys_a_token_that_is_kept_in_its_place(desk: Desk) -> None:
    told = told_by(desk.run("login", "--username", "anna", typed=PASSWORD + "\n"))
    assert re.search(r"as anna, until 20\d\d-", told)
    assert desk.config.stat().st_mode & 0o777 == 0o600
    kept = desk.config.read_text()
    assert PASSWORD not in kept
    assert base64.b64encode(f"anna:{PASSWORD}".encode()).decode() not in kept
    host = desk.server.removeprefix("http://")
    token = json.loads(kept)["auths"][host]["identitytoken"]
    assert token not in told
    me = whoami(desk)
    assert (me["name"], me["kind"], me["groups"]) == ("anna", "user", ["devs"])
    assert me["until"] in told
    listed = desk.run("vend", "list")  # off a terminal: JSON
    assert json.loads(listed.stdout) == {"entries": []}
    # What was kept serves clients of the registry as it is.
    assert load_keyring(desk.config).find(Reference.parse(f"{host}/team/app:1")) == Credentials(
        username="anna", identity_token=token
    )
    assert "is forgotten" in told_by(desk.run("logout"))
    assert "no login was kept" in told_by(desk.run("logout"))
    refused = desk.run("whoami")
    assert (refused.returncode, "tidegate login" in refused.stderr) == (1, True)
    assert desk.run("vend", "list").returncode == 1


def test_another_password_ends_the_login_at_once(desk: Desk, server: ApiServer) -> None:
    root = server.client(("root", TOKEN))
    assert root.post("/principals", json={"kind": "user", "name": "eve", "password": PASSWORD}).status_code == 201
    told_by(desk.run("login", "--username", "eve", typed=PASSWORD))
    assert whoami(desk)["name"] == "eve"
    assert root.put("/principals/eve/password", json={"password": PASSWORD + "2"}).status_code == 200
    done = desk.run("whoami")
    assert (done.returncode, "tidegate login" in done.stderr) == (1, True), done.stderr


def test_a_robot_and_the_access_token(desk: Desk, server: ApiServer) -> None:
    made = server.client(("root", TOKEN)).post("/principals", json={"kind": "robot", "name": "ci", "days": 1}).json()
    told_by(desk.run("login", "--username", "robot$ci", typed=made["secret"]))
    assert made["secret"] not in desk.config.read_text()
    assert whoami(desk)["name"] == "robot$ci"
    told = told_by(desk.run("login", "--username", "root", typed=TOKEN))  # nothing is sold for it: it is kept itself
    assert "as long as the secret is good" in told
    assert whoami(desk)["kind"] == "administrator"


def test_a_wrong_password_keeps_nothing_and_says_nothing_of_it(desk: Desk) -> None:
    done = desk.run("login", "--username", "anna", typed="not-the-one-it-is\n")
    assert done.returncode == 1
    assert "not-the-one" not in done.stderr + done.stdout
    assert not desk.config.exists()
    assert "no password" in desk.run("login", "--username", "anna").stderr
    both = desk.run("login", "--username", "anna", "--device")
    assert (both.returncode, "choose one" in both.stderr) == (2, True)


def test_a_person_logs_in_by_browser(desk: Desk) -> None:
    running = desk.start("login")
    assert running.stderr is not None
    address = re.search(r"open (http://\S+)", running.stderr.readline())
    assert address, "the address to open"
    assert "scope=openid+groups" in address[1]
    with urlopen(address[1]) as page:
        assert b"You are logged in" in page.read()
    told = running.communicate(timeout=120)[1]
    assert running.returncode == 0, told
    me = whoami(desk)
    assert (me["name"], me["kind"], me["groups"]) == ("corp:anna", "federated", ["corp:devs"])
    assert me["until"] in told
    assert desk.run("vend", "list").returncode == 0


def test_a_person_logs_in_on_another_device(desk: Desk, issuer: OidcIssuer) -> None:
    issuer.pending = 1
    told = told_by(desk.run("login", "--device", "--issuer", "corp"))
    assert "WDJB-MJHT" in told
    assert whoami(desk)["name"] == "corp:anna"


def test_an_issuer_that_says_no(desk: Desk, issuer: OidcIssuer) -> None:
    issuer.refuses, issuer.pending = True, 0
    try:
        done = desk.run("login", "--device")
    finally:
        issuer.refuses = False
    assert (done.returncode, "access_denied" in done.stderr) == (1, True), done.stderr
    assert not desk.config.exists()


def test_the_loopback_heeds_only_the_answer_that_knows_the_state(server: ApiServer, issuer: OidcIssuer) -> None:
    with Outbound() as outbound:
        found = discover(outbound, chosen(logins_of(outbound, server.address), "", where=server.address))
        stolen: list[int] = []

        def browse(address: str) -> None:
            back = re.search(r"redirect_uri=([^&]+)", address)
            assert back
            import threading
            from urllib.error import HTTPError
            from urllib.parse import unquote

            def visit() -> None:
                for query in ("code=stolen&state=wrong", "code=stolen", "%ff" * 50):
                    try:
                        urlopen(f"{unquote(back[1])}?{query}")
                    except HTTPError as error:
                        stolen.append(error.code)
                urlopen(address).close()

            threading.Thread(target=visit, daemon=True).start()

        assert log_in_by_browser(found, show=browse, wait_seconds=120).count(".") == 2
        assert stolen == [400, 400, 400]
        with pytest.raises(OutsideError, match="nobody logged in"):
            log_in_by_browser(found, show=lambda _address: None, wait_seconds=0.05)
        issuer.person = {"sub": "anna", "nonce": "of another login"}
        try:
            with pytest.raises(OutsideError, match="another login"):
                log_in_by_browser(found, show=browse, wait_seconds=120)
        finally:
            issuer.person = {"sub": "anna", "groups": ["devs"]}


def test_a_credential_helper_keeps_it_where_the_configuration_names_one(
    desk: Desk, helper: Callable[[], dict[str, list[str]]]
) -> None:
    desk.config.parent.mkdir()
    desk.config.write_text('{"credsStore": "box", "psFormat": "kept"}')
    told = told_by(desk.run("login", "--username", "anna", typed=PASSWORD))
    assert "docker-credential-box" in told
    host = desk.server.removeprefix("http://")
    assert helper()[host][0] == "<token>"
    assert json.loads(desk.config.read_text()) == {"credsStore": "box", "psFormat": "kept"}
    assert whoami(desk)["name"] == "anna"
    assert "is forgotten" in told_by(desk.run("logout"))
    assert helper() == {}
    desk.config.write_text(json.dumps({"credHelpers": {host: "missing"}}))
    done = desk.run("whoami")
    assert (done.returncode, "docker-credential-missing" in done.stderr) == (3, True)


def test_what_else_the_file_says_stays(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(
        json.dumps(
            {"auths": {"other.example": {"auth": "dTpw"}, "https://one.example/v2/": {}}, "HttpHeaders": {"A": 1}}
        )
    )
    path.chmod(0o644)
    file = LoginFile(path)
    file.keep("one.example", Credentials(username="u", password="p"))
    read = json.loads(path.read_text())
    assert read["HttpHeaders"] == {"A": 1}
    assert sorted(read["auths"]) == ["one.example", "other.example"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert file.forget("one.example")
    assert not file.forget("one.example")
    assert list(json.loads(path.read_text())["auths"]) == ["other.example"]
    path.write_text('{"credsStore": "../../bin/sh"}')
    with pytest.raises(InvalidInputError, match="no credential helper's name"):
        file.keep("one.example", Credentials(username="u", password="p"))


def test_a_login_that_has_ended_is_told_before_anybody_is_asked() -> None:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": 1_700_000_000}).encode()).decode().rstrip("=")
    with Outbound() as outbound:
        server = RemoteServer(outbound, "http://127.0.0.1:9", Credentials(username="token", password=f"e30.{claims}.x"))
        with pytest.raises(RefusedError, match=r"ended at 2023-11-14.*tidegate login"):
            server.ask("GET", "/me", dict[str, str])


def test_a_server_is_named_as_people_write_it() -> None:
    assert parse_server("registry.example") == "https://registry.example"
    assert parse_server("127.0.0.1:8421") == "http://127.0.0.1:8421"
    assert parse_server("localhost") == "http://localhost"
    assert parse_server("https://registry.example:444/") == "https://registry.example:444"
    for wrong in ("http://registry.example", "https://a:b@registry.example", "registry.example/team", "", "ftp://x"):
        with pytest.raises(UsageError):
            parse_server(wrong)


def test_one_issuer_of_several_is_named() -> None:
    both = tuple(Login(name=name, issuer=f"https://{name}.example", client_id="x") for name in ("a", "b"))
    assert chosen(both, "b", where="").name == "b"
    for name in ("", "c"):
        with pytest.raises(UsageError, match="there is a, b"):
            chosen(both, name, where="")
