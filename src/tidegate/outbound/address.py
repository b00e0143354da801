# SPDX-License-Identifier: Apache-2.0
"""Which addresses may be called, and how they are shown."""

import ipaddress
from urllib.parse import SplitResult, urljoin, urlsplit

from tidegate.bounds import printable
from tidegate.errors import OutsideError, UsageError

_MAX_URL_CHARS = 8192


def check_url(url: str, *, insecure: bool = False) -> str:
    """Returns the URL when it may be called.

    Raises:
        UsageError: it is not http(s), names no host, carries a password, or is plain HTTP to a host that is not
            loopback while `insecure` was not asked for.
    """
    parts = split_url(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UsageError("not an http or https address", where=shown(url))
    if parts.username is not None or parts.password is not None:
        raise UsageError("credentials in an address", where=shown(url), remedy="put them in the credentials file")
    if parts.scheme == "http" and not insecure and not is_loopback(parts.hostname):
        raise UsageError("plain http", where=shown(url), remedy="use https, or ask for insecure calls explicitly")
    return url


def split_url(url: str) -> SplitResult:
    """Splits an address.

    Raises:
        UsageError: it cannot be split, or holds white space or control characters.
    """
    if len(url) > _MAX_URL_CHARS or not url.isprintable() or " " in url:
        raise UsageError("not an address", where=printable(url[:80]))
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise UsageError("not an address", where=printable(url[:80])) from error
    return parts


def is_loopback(host: str) -> bool:
    """True for this machine's own addresses."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port: credentials for one origin are for no other."""
    parts = split_url(url)
    return parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def join(base: str, location: str) -> str:
    """An address a server named, as seen from the one it was named at.

    Raises:
        OutsideError: it is none.
    """
    try:
        return urljoin(base, location)
    except ValueError as error:
        raise OutsideError(f"the server names no address: {printable(location[:80])!r}", where=shown(base)) from error


def shown(url: str) -> str:
    """The address for messages: without password and query, where signatures and tokens travel."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return printable(url[:80])
    return printable(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"[:300])
