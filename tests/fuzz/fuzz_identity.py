# SPDX-License-Identifier: Apache-2.0
"""What clients show to prove who they are, and what administrators write about them."""
# ruff: noqa: E501 - tables of samples read best a kind a line

from collections.abc import Callable, Iterator

from fuzz_parser import Parser, clean_text_of
from starlette.datastructures import Headers

from tidegate.clock import system_clock
from tidegate.identity.access_token import AccessToken
from tidegate.identity.certificate import ClientCertificates
from tidegate.identity.condition import Condition
from tidegate.identity.credentials import Credentials
from tidegate.identity.grant import Holder
from tidegate.identity.issuer_file import load_issuers
from tidegate.identity.network import network_of
from tidegate.identity.pattern import RepositoryPattern
from tidegate.identity.scope import parse_scopes
from tidegate.identity.token import BadTokenError, TokenKey, Tokens, TokenUse, header_of, issuer_of
from tidegate.identity.verb import parse_verbs
from tidegate.server.challenge import repository_of
from tidegate.server.client_address import ClientAddresses

_SECRET = "x" * 40
_JWT = b"eyJhbGciOiJFUzI1NiIsInR5cCI6InRpZGVnYXRlK2p3dCJ9.eyJpc3MiOiJhIiwiYXVkIjoiYSJ9.AAAA"
_ISSUERS = b"""apiVersion: tidegate.dev/v1
kind: TrustedIssuers
spec:
  issuers:
    - {name: corp, issuer: "https://a.example", audience: b, people: {name: email, groups: groups}}
    - name: ci
      issuer: https://b.example
      audience: b
      workloads: [{principal: a, when: 'token.claims["x"] == "y"', groups: [c]}]
"""


def identity() -> Iterator[Parser]:
    """One parser a kind."""
    yield Parser(
        name="issuers",
        form="text",
        read=lambda data: load_issuers(clean_text_of(data), file="f"),
        samples=(_ISSUERS,),
    )
    for name, read, samples in _LINES:
        yield Parser(name=name, form="text", read=_on_text(read), samples=samples)


def _on_text(read: Callable[[str], object]) -> Callable[[bytes], object]:
    return lambda data: read(clean_text_of(data))


def _token(text: str) -> object:
    tokens = Tokens(_KEY, service="a", clock=system_clock)
    try:
        tokens.read(text, *TokenUse)
    except BadTokenError as error:
        return str(error), issuer_of(text), dict(header_of(text))
    raise AssertionError("a token nobody signed")


def _certificate(text: str) -> object:
    try:
        return ClientCertificates(AccessToken(_SECRET), (), clock=system_clock).principal(text, shown_secret=_SECRET)
    except BadTokenError as error:
        return str(error)


def _forwarded(text: str) -> object:
    if not text.isascii():
        return None
    headers = Headers({"x-forwarded-for": text}).raw
    found = ClientAddresses(["127.0.0.1"]).of({"type": "http", "client": ("127.0.0.1", 1), "headers": headers})
    return found, network_of(found.address), network_of(text), repository_of(text)


def _condition(text: str) -> object:
    values: dict[str, dict[str, object]] = {
        "request": {"verb": "pull", "tag": "v1", "hour": 1},
        "principal": {"name": "a", "claims": {}},
    }
    return Condition.parse(text).holds(values)


_KEY = TokenKey.generate()
_LINES: tuple[tuple[str, Callable[[str], object], tuple[bytes, ...]], ...] = (
    ("scopes", lambda text: parse_scopes([text]), (b"repository:a/b:pull,push registry:catalog:*", b"repository(plugin):a:*")),
    ("verbs", lambda text: parse_verbs(text.split(",")), (b"pull,push", b"administer")),
    ("pattern", lambda text: RepositoryPattern(text).matches("a/b/c/d"), (b"team-a/**", b"*/b/*", b"**")),
    ("holder", Holder, (b"robot$ci", b"group:corp:devs", b"corp:anna@a.example")),
    ("condition", _condition, (b'request.tag.startsWith("v") && principal.name == "a"', b"request.by_digest || request.hour > 3")),
    ("credentials", Credentials.parse, (b"Basic dTpw", b"Bearer " + _JWT)),
    ("token", _token, (_JWT, b"a.b.c", b"eyJhbGciOiJub25lIn0.e30.")),
    ("certificate", _certificate, (b":MIIB:", b"-----BEGIN%20CERTIFICATE-----%0AMIIB%0A-----END%20CERTIFICATE-----%0A")),
    ("forwarded", _forwarded, (b"192.0.2.7, 127.0.0.1", b"2001:db8::1%eth0", b"/v2/a/b/manifests/x")),
)  # fmt: skip
