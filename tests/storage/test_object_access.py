# SPDX-License-Identifier: Apache-2.0
"""Object stores by their URL: what is taken, what is refused, and that no credential is ever told."""

import json
from pathlib import Path

import pytest

from object_server import KEY, SECRET, start_objects
from tidegate.artifact import Digest
from tidegate.errors import InvalidInputError, NotFoundError, OutsideError, TidegateError, UsageError
from tidegate.storage.database import Database
from tidegate.storage.migrations import migrate
from tidegate.storage.object_access import open_objects
from tidegate.storage.object_blobs import ObjectBlobs


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://bucket/x", "no such object store"),
        ("/a/folder", "no such object store"),
        ("s3://key:secret@bucket/x", "credentials do not belong"),
        ("s3://bucket/x?secret_access_key=abc", "no option 'secret_access_key'"),
        ("gs://bucket/x?endpoint=http://here", "no option 'endpoint'"),
    ],
)
def test_what_is_refused(url: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        open_objects(url)
    assert "abc" not in str(caught.value)


@pytest.mark.parametrize("url", ["s3://bucket", "s3://bucket/a/b?region=eu-west-1", "az://container/p?account=name"])
def test_what_is_taken(url: str) -> None:
    """Nothing is asked of the store: it may come up later."""
    open_objects(url)


def test_a_service_account_and_an_account_key(tmp_path: Path) -> None:
    file = tmp_path / "credentials"
    account = {"type": "service_account", "client_email": "a@b", "private_key_id": "1", "private_key": "none"}
    file.write_text(json.dumps({**account, "gcs_base_url": "http://127.0.0.1:1", "disable_oauth": True}))
    open_objects("gs://bucket/prefix", credentials=file)
    file.write_text("YWNjb3VudCBrZXk=\n")
    open_objects("az://container/prefix?account=name", credentials=file)


@pytest.mark.parametrize("text", ["", "secret", "[default]\naws_access_key_id = a", "[other]\nx = secret", "\xff\xfe"])
def test_a_file_that_holds_no_credentials_is_named_and_not_quoted(text: str, tmp_path: Path) -> None:
    file = tmp_path / "credentials"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(InvalidInputError, match="holds no credentials") as caught:
        open_objects("s3://bucket", credentials=file)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    with pytest.raises(NotFoundError, match="no such file"):
        open_objects("s3://bucket", credentials=tmp_path / "none")


@pytest.mark.tools
def test_a_store_that_refuses_us_is_said_and_no_credential_with_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    migrate(url)
    database = Database(url)
    with start_objects(tmp_path) as server:
        wrong = tmp_path / "wrong"
        wrong.write_text(f"[default]\naws_access_key_id={KEY}\naws_secret_access_key=another secret\n")
        for credentials, bucket in ((wrong, "bucket"), (server.credentials, "none")):
            objects = open_objects(server.url.replace("bucket", bucket), credentials=credentials, give_up_seconds=1)
            store = ObjectBlobs(objects, database)
            upload = store.begin()
            store.append(upload, [b"x"])
            for ask in (lambda: store.flush(upload), lambda: store.put(b"y"), lambda: list(store.digests())):  # noqa: B023 - used at once
                with pytest.raises(OutsideError, match=r"the object store (failed|lacks)") as caught:
                    ask()
                assert SECRET not in str(caught.value)
                assert "another secret" not in str(caught.value)
    with pytest.raises(TidegateError):
        store.size(Digest.of(b"y"))
    database.close()
