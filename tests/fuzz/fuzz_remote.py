# SPDX-License-Identifier: Apache-2.0
"""What servers elsewhere, issuers and credential helpers answer, what users name them by, and rules set from afar."""

from collections.abc import Iterator

from fuzz_parser import Parser, clean_text_of, told

from tidegate.curation.intake.file import load_intake
from tidegate.curation.keeping.rule_file import KeepingRules, laid_over
from tidegate.outbound import Reply
from tidegate.remote.problem import read_problem
from tidegate.remote.server import parse_server
from tidegate.remote.token import unverified_claims

_PROBLEM = b'{"title":"no such image","instance":"a/b","detail":"look again","status":404}'
_REGISTRY = b'{"errors":[{"code":"DENIED","message":"not for you"}]}'
_OAUTH = b'{"error":"invalid_grant","error_description":"too late"}'
_INTAKE = b'[upstream.quay]\nsource = "quay.io/a"\nunder = "quay"\nrepositories = ["**"]\nwatch = ["a:1"]\n'
_KEEPING = b"""apiVersion: tidegate.dev/v1
kind: ImmutableTags
metadata: {name: x}
spec: {rules: [{name: one, tags: ['@semver'], repositories: ['team/**']}]}
"""


def remote() -> Iterator[Parser]:
    """One parser a kind."""
    yield Parser(name="remote-problem", form="json", read=_problem, samples=(_PROBLEM, _REGISTRY, _OAUTH))
    yield Parser(
        name="unverified-claims",
        form="text",
        read=lambda data: told(dict(unverified_claims(clean_text_of(data)))),
        samples=(b"e30.eyJleHAiOjE3MDAwMDAwMDB9.x",),
    )
    yield Parser(
        name="server-address",
        form="text",
        read=lambda data: parse_server(clean_text_of(data)),
        samples=(b"registry.example", b"https://registry.example:444/", b"[::1]:8421"),
    )
    yield Parser(
        name="intake-set",
        form="text",
        read=lambda data: load_intake({}, {"house": clean_text_of(data)}).upstreams.all,
        samples=(_INTAKE,),
    )
    yield Parser(
        name="keeping-set",
        form="text",
        read=lambda data: told(laid_over(KeepingRules(), {"house": clean_text_of(data)})),
        samples=(_KEEPING,),
    )


def _problem(data: bytes) -> object:
    texts = read_problem(Reply(status=404, url="https://a.example", headers={}, body=data))
    assert all(text.isprintable() for text in texts)
    return told(texts)
