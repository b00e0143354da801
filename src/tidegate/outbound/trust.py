# SPDX-License-Identifier: Apache-2.0
"""Builds the HTTP client: certificates, timeouts, no cookies, nothing from the environment."""

import ssl
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import TYPE_CHECKING

from tidegate.errors import UsageError
from tidegate.outbound.options import OutboundOptions

if TYPE_CHECKING:
    import httpx


def build_client(options: OutboundOptions) -> "httpx.Client":
    """An HTTP client that follows no redirect and retries nothing by itself.

    Raises:
        UsageError: the CA file cannot be used.
    """
    import httpx

    verify = trust_of(options)
    limits = httpx.Limits(max_connections=options.max_connections, max_keepalive_connections=20)
    mounts: dict[str, httpx.BaseTransport | None] = {}
    if options.proxy:
        mounts["all://"] = httpx.HTTPTransport(verify=verify, proxy=options.proxy)
        mounts |= dict.fromkeys(("all://localhost", "all://127.0.0.1", "all://[::1]"))
    return httpx.Client(
        verify=verify,
        transport=_guarded(options, verify, limits),
        limits=limits,
        timeout=httpx.Timeout(options.read_timeout_s, connect=options.connect_timeout_s),
        headers={"User-Agent": options.user_agent, "Accept-Encoding": "identity"},
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        follow_redirects=False,
        trust_env=False,
        mounts=mounts,
    )


def _guarded(options: OutboundOptions, verify: ssl.SSLContext, limits: "httpx.Limits") -> "httpx.BaseTransport | None":
    if options.reach is None:
        return None
    from tidegate.outbound.guarded import GuardedTransport

    return GuardedTransport(options.reach, verify=verify, limits=limits)


def trust_of(options: OutboundOptions) -> ssl.SSLContext:
    """The system's certificates (certifi's where the system has none), and the CA file's besides.

    Raises:
        UsageError: the CA file is missing or holds no certificate.
    """
    context = ssl.create_default_context()
    if options.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    if not _system_has_certificates():
        import certifi

        context.load_verify_locations(cafile=certifi.where())
    if options.ca_file is not None:
        try:
            context.load_verify_locations(cafile=options.ca_file)
        except (OSError, ssl.SSLError) as error:
            raise UsageError(
                "cannot be used as a CA file", where=str(options.ca_file), remedy="give a readable PEM file"
            ) from error
    return context


def _system_has_certificates() -> bool:
    paths = ssl.get_default_verify_paths()
    return bool(paths.cafile or (paths.capath and any(Path(paths.capath).iterdir())))
