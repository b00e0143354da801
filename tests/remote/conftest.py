# SPDX-License-Identifier: Apache-2.0
"""A whole server that trusts an OpenID issuer, and commands of somebody who has a home folder of their own."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "identity"))
sys.path.append(str(Path(__file__).parents[1] / "server"))
sys.path.append(str(Path(__file__).parents[1] / "journey"))
from access_material import PASSWORD, TOKEN
from api_server import ApiServer
from desk import Desk
from oidc_issuer import OidcIssuer

_ISSUERS = """apiVersion: tidegate.dev/v1
kind: TrustedIssuers
spec:
  issuers:
    - name: corp
      issuer: {issuer}
      audience: tidegate
      people: {{name: sub, groups: groups, scopes: [groups]}}
"""


@pytest.fixture(scope="module")
def issuer() -> Iterator[OidcIssuer]:
    with OidcIssuer() as running:
        yield running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, issuer: OidcIssuer) -> Iterator[ApiServer]:
    home = tmp_path_factory.mktemp("remote")
    (home / "issuers.yaml").write_text(_ISSUERS.format(issuer=issuer.url))
    environment = {"TIDEGATE_IDENTITY_ISSUERS_FILE": str(home / "issuers.yaml")}
    with ApiServer(home, token=TOKEN, environment=environment) as running:
        root = running.client(("root", TOKEN))
        made = root.post("/principals", json={"kind": "user", "name": "anna", "password": PASSWORD, "groups": ["devs"]})
        assert made.status_code == 201, made.text
        for holder in ("anna", "group:corp:devs"):
            wanted = {"holder": holder, "pattern": "**", "verbs": ["list", "pull"]}
            assert root.post("/grants", json=wanted).status_code == 201
        yield running


@pytest.fixture
def desk(tmp_path: Path, server: ApiServer) -> Desk:
    return Desk(tmp_path, server.address)


@pytest.fixture
def helper(desk: Desk) -> Callable[[], dict[str, list[str]]]:
    """A credential helper as the protocol has it, and what it keeps."""
    program, kept = desk.folder / "bin" / "docker-credential-box", desk.folder / "box.json"
    program.parent.mkdir()
    program.write_text(
        f"""#!{sys.executable}
import json, pathlib, sys
kept = pathlib.Path({str(kept)!r})
known = json.loads(kept.read_text()) if kept.exists() else {{}}
told, act = sys.stdin.read(), sys.argv[1]
if act == "store":
    said = json.loads(told)
    known[said["ServerURL"]] = [said["Username"], said["Secret"]]
elif told.strip() not in known:
    print("credentials not found in native keychain")
    sys.exit(1)
elif act == "erase":
    del known[told.strip()]
else:
    name, secret = known[told.strip()]
    print(json.dumps({{"ServerURL": told.strip(), "Username": name, "Secret": secret}}))
kept.write_text(json.dumps(known))
"""
    )
    program.chmod(0o755)

    def read() -> dict[str, list[str]]:
        return dict(json.loads(kept.read_text())) if kept.exists() else {}

    return read
