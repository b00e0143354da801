# SPDX-License-Identifier: Apache-2.0
"""Principals and grants for a served registry, and tokens asked for as clients do."""

from datetime import timedelta
from typing import Any

import httpx
from live_registry import LiveRegistry

from tidegate.clock import system_clock
from tidegate.identity import Principal, PrincipalKind, account, granting
from tidegate.identity.grant import Holder
from tidegate.identity.granting import GrantRecord, Wanted
from tidegate.identity.password import Passwords
from tidegate.identity.pattern import RepositoryPattern
from tidegate.identity.verb import parse_verbs

ROOT = Principal(name="root", kind=PrincipalKind.ADMINISTRATOR)
PASSWORD = "a long enough password"
TOKEN = "correct-horse-battery-staple"


def add_user(live: LiveRegistry, name: str, *groups: str) -> tuple[str, str]:
    """A user; returns what they log in with."""
    hashed = Passwords().hash(PASSWORD)
    with live.database.begin() as connection:
        account.create_user(connection, name, hashed, groups=groups, by="root", at=system_clock())
    live.directory.forget()
    return name, PASSWORD


def add_robot(live: LiveRegistry, name: str) -> tuple[str, str]:
    """A robot; returns what it logs in with."""
    day = timedelta(days=1)
    with live.database.begin() as connection:
        made, secret = account.create_robot(connection, name, lasts=day, max_lifetime=day, by="root", at=system_clock())
    live.directory.forget()
    return made.name, secret


def give(live: LiveRegistry, holder: str, pattern: str, *verbs: str, condition: str = "") -> GrantRecord:
    """A grant without an end."""
    wanted = Wanted(
        holder=Holder(holder), pattern=RepositoryPattern(pattern), verbs=parse_verbs(verbs), condition=condition
    )
    with live.database.begin() as connection:
        given = granting.give(connection, wanted, by=ROOT, at=system_clock())
    live.directory.forget()
    return given


def fetch_token(http: httpx.Client, who: tuple[str, str], *scopes: str, **more: str) -> dict[str, Any]:
    """What `GET /token` answers."""
    answer = http.get("/token", auth=who, params={"service": "tidegate", "scope": list(scopes), **more})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def bearer(token: str) -> dict[str, str]:
    """The header that shows a token."""
    return {"Authorization": f"Bearer {token}"}
