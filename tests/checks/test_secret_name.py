# SPDX-License-Identifier: Apache-2.0
"""Which names say that a value is a secret, and which values can be none."""

import pytest

from tidegate.checks.secret_name import is_secret_name, looks_empty


@pytest.mark.parametrize(
    "name",
    [
        "DB_PASSWORD",
        "password",
        "github.token",
        "apiKey",
        "AWS_SECRET_ACCESS_KEY",
        "MYSQL_PWD",
        "SECRET_KEY_BASE",
        "db-pass",
    ],
)
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "PWD",
        "OLDPWD",
        "PASSWORD_FILE",
        "TOKEN_TTL",
        "KEYBOARD",
        "PASSENGER_PORT",
        "SECRET_NAME",
        "COMPASS",
        "TOKENIZER",
        "MONKEY",
    ],
)
def test_names_of_other_things(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    "value", ["", "false", "$A", "${A}", "${A:?x}", "'null'", "sqlite:///db", "postgres://db:5432/x"]
)
def test_values_that_can_be_no_secret(value: str) -> None:
    assert looks_empty(value)


@pytest.mark.parametrize("value", ["x1", "${A:-x1}", "postgres://u:p@db/x", "$2y$10$abc/def."])
def test_values_that_can(value: str) -> None:
    assert not looks_empty(value)
