# SPDX-License-Identifier: Apache-2.0
"""An object store by its URL: S3 and its like, Google Cloud Storage, Azure. The one place that makes `obstore` clients.

    s3://BUCKET/PREFIX?endpoint=https://HOST:PORT&region=REGION
    gs://BUCKET/PREFIX
    az://CONTAINER/PREFIX?account=NAME&endpoint=…

Credentials come from a file, or from where the store's own programs look for them (`AWS_*` and the like, a web
identity, the machine's role); never from the URL.
"""

import configparser
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import parse_qsl, urlsplit

from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, S3Store

from tidegate.bounds import KIB, printable, read_bounded
from tidegate.errors import InvalidInputError, NotFoundError, OutsideError, UsageError

Objects = S3Store | GCSStore | AzureStore
"""A client of any of the stores."""
Scheme = Literal["s3", "gs", "az"]
_OPTIONS: Final[dict[str, dict[str, str]]] = {
    "s3": {"endpoint": "endpoint", "region": "region", "virtual_hosted": "virtual_hosted_style_request"},
    "gs": {},
    "az": {"endpoint": "endpoint", "account": "account_name"},
}
_MAX_CREDENTIAL_BYTES: Final = 64 * KIB
_MAX_SAID: Final = 200


def open_objects(
    url: str, *, credentials: Path | None = None, request_seconds: float = 60.0, give_up_seconds: float = 20.0
) -> Objects:
    """Makes a client; nothing is asked of the store yet.

    Args:
        url: see above.
        credentials: for `s3` a file as `~/.aws/credentials` (its profile `default`), for `gs` a service account's key
            (JSON), for `az` one line with the account's key.
        request_seconds: longest request, body included.
        give_up_seconds: how long what failed is tried again.

    Raises:
        UsageError: no such store, an option it has not, or a credential in the URL.
        NotFoundError, InvalidInputError, OutsideError: the credentials are not there, or are none.
    """
    parts = urlsplit(url)
    options = _OPTIONS.get(parts.scheme)
    if options is None:
        raise UsageError(f"no such object store: {parts.scheme[:20]!r}", remedy="use s3://, gs:// or az://")
    if "@" in parts.netloc:
        raise UsageError("credentials do not belong into a URL", remedy="put them into a file, or the environment")
    config: dict[str, Any] = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name not in options:
            known = ", ".join(options) or "none"
            raise UsageError(f"{parts.scheme}:// has no option {name[:40]!r}", remedy=f"it has: {known}")
        config[options[name]] = value
    if credentials is not None:
        config |= _credentials(parts.scheme, credentials)
    client: dict[str, Any] = {
        "allow_http": config.get("endpoint", "").startswith("http://"),
        "connect_timeout": timedelta(seconds=5),
        "timeout": timedelta(seconds=request_seconds),
        "user_agent": "tidegate",
    }
    retry: dict[str, Any] = {"max_retries": 5, "retry_timeout": timedelta(seconds=give_up_seconds)}
    kind: Any = {"s3": S3Store, "gs": GCSStore, "az": AzureStore}[parts.scheme]
    prefix = parts.path.strip("/")
    try:
        opened: Objects = kind(
            parts.netloc, prefix=prefix or None, config=config, client_options=client, retry_config=retry
        )
    except BaseError as error:
        raise UsageError(f"not an object store: {said(error)}") from error
    return opened


@contextmanager
def asking(*, may_be_missing: bool = False) -> Iterator[None]:
    """Turns what an object store says into our own errors.

    Args:
        may_be_missing: whether there is an answer to "no such object". Elsewhere it is a bucket that is not there.

    Raises:
        NotFoundError: there is no such object.
        OutsideError: anything else.
    """
    try:
        yield
    except FileNotFoundError as error:  # so the library says it
        if may_be_missing:
            raise NotFoundError("no such object") from error
        raise OutsideError(
            "the object store lacks what must be there", remedy="is its bucket the right one?"
        ) from error
    except (BaseError, OSError) as error:
        raise OutsideError(f"the object store failed: {said(error)}", remedy="look at it, and the way to it") from error


def said(error: Exception) -> str:
    """The first line of an error of the library, cut."""
    return printable(str(error).partition("\n")[0][:_MAX_SAID])


def _credentials(scheme: str, path: Path) -> dict[str, str]:
    text = _text(path)
    if scheme == "gs":
        return {"service_account_key": text}
    if scheme == "az":
        return {"account_key": text.strip()}
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(text)
        profile = parser["default"]
        found = {"access_key_id": profile["aws_access_key_id"], "secret_access_key": profile["aws_secret_access_key"]}
    except (configparser.Error, KeyError):
        # Not chained: the parser quotes the line it does not understand.
        raise InvalidInputError(
            "holds no credentials", where=str(path), remedy="write it as ~/.aws/credentials, with a profile default"
        ) from None
    return found | ({"session_token": token} if (token := profile.get("aws_session_token")) else {})


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return read_bounded(file, max_bytes=_MAX_CREDENTIAL_BYTES, what=str(path)).decode()
    except FileNotFoundError as error:
        raise NotFoundError("no such file of credentials", where=str(path)) from error
    except UnicodeDecodeError:
        raise InvalidInputError("holds no credentials", where=str(path)) from None
    except OSError as error:
        raise OutsideError(f"cannot be read: {error.strerror}", where=str(path)) from error
