# SPDX-License-Identifier: Apache-2.0
"""Whose a thing is: one order, the first that says somebody counts; a label of a stranger's is nobody's word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webhook_stand import Stand

from tidegate.curation.feedback.owner import Owner, list_owners, owner_named, remove_owner, set_owner
from tidegate.curation.feedback.resolve import Asked, Owned, resolve
from tidegate.errors import InvalidInputError, NotFoundError

WEB = Owner(name="team-web", repositories=("web/*",), namespaces=("prod/web-*",), tenants=("acme",), pushers=("anna",))
SHOP = Owner(name="team-shop", repositories=("web/shop", "web/s*"))
LINES = (("old/*", "team-old"), ("*", "team-rest"))


@pytest.mark.parametrize(
    ("asked", "name", "by"),
    [
        (Asked(label="me", namespace="prod/web-1", repository="web/a"), "me", "the workload's label"),
        (Asked(namespace="prod/web-1", repository="web/shop"), "team-web", "namespace prod/web-*"),
        (Asked(repository="web/shop"), "team-shop", "repository web/shop"),
        (Asked(repository="web/stock"), "team-shop", "repository web/s*"),
        (Asked(repository="web/app"), "team-web", "repository web/*"),
        (Asked(said="team-shop", tenant="acme"), "team-shop", "what the image says"),
        (Asked(said="mallory@example.com", tenant="acme"), "team-web", "tenant acme"),
        (Asked(pushers=("anna", "bob")), "team-web", "pushed by anna"),
        (Asked(), "team-ops", "nobody else: the default"),
    ],
)
def test_the_first_that_says_somebody_counts(asked: Asked, name: str, by: str) -> None:
    assert resolve(asked, (WEB, SHOP), (), "team-ops") == Owned(name=name, by=by)


def test_lines_of_the_settings_come_after_the_record_and_before_the_image() -> None:
    asked = Asked(repository="old/app", said="team-web")
    assert resolve(asked, (WEB,), LINES) == Owned(name="team-old", by="curation.owners old/*")
    assert resolve(Asked(repository="web/a"), (WEB,), LINES).name == "team-web"
    assert resolve(Asked(), (WEB,)) == Owned(name="", by="nobody")


@pytest.mark.property
@given(st.text(max_size=40), st.text(max_size=40))
def test_an_image_can_name_only_who_is_on_record(said: str, repository: str) -> None:
    found = resolve(Asked(said=said, repository=repository), (Owner(name="us"),), (), "ops")
    assert found.name in {"us", "ops"}


def test_owners_are_set_whole_and_removed(stand: Stand) -> None:
    database, at = stand.database, stand.at
    with database.begin() as connection:
        set_owner(connection, WEB, by="root", at=at)
        set_owner(connection, Owner(name="team-web", email="web@example.com"), by="root", at=at)
    with database.begin() as connection:
        assert list_owners(connection) == [Owner(name="team-web", email="web@example.com")]
        with pytest.raises(NotFoundError):
            set_owner(connection, Owner(name="x", channels=("none",)), by="root", at=at)
        for name, email in (
            ("", ""),
            ("a\nb", ""),
            (" a", ""),
            ("a", "a b@c"),
            ("a", "x@y\r\nBcc: z@z"),
            ("a", "<a@b>"),
        ):
            with pytest.raises(InvalidInputError):
                set_owner(connection, Owner(name=name, email=email), by="root", at=at)
        remove_owner(connection, "team-web", by="root", at=at)
        with pytest.raises(NotFoundError):
            owner_named(connection, "team-web")
