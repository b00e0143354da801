# SPDX-License-Identifier: Apache-2.0
"""Manifests, indexes and configurations: read by the specification, kept verbatim, refused when they lie."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.artifact import Digest, Index, Manifest, parse_image_config, parse_manifest
from tidegate.artifact import media_type as mt
from tidegate.artifact.manifest import MAX_LAYERS, MAX_MANIFEST_BYTES
from tidegate.errors import BoundExceededError, InvalidInputError, TidegateError

BLOB = {"mediaType": mt.OCI_LAYER_GZIP, "digest": str(Digest.of(b"x")), "size": 1}
CONFIG = {"mediaType": mt.OCI_CONFIG, "digest": str(Digest.of(b"c")), "size": 2}
IMAGE: dict[str, Any] = {"schemaVersion": 2, "mediaType": mt.OCI_MANIFEST, "config": CONFIG, "layers": [BLOB]}
INDEX: dict[str, Any] = {
    "schemaVersion": 2,
    "mediaType": mt.OCI_INDEX,
    "manifests": [{**BLOB, "mediaType": mt.OCI_MANIFEST}],
}


def raw(document: object) -> bytes:
    return json.dumps(document).encode()


def test_bytes_are_kept_and_unknown_fields_survive() -> None:
    data = b' {"schemaVersion":2, "unknown": [1, 2], ' + raw(IMAGE)[1:]
    found = parse_manifest(data)
    assert isinstance(found, Manifest)
    assert found.raw == data
    assert found.digest == Digest.of(data)
    assert found.is_image


def test_types_are_guessed_only_when_nobody_says() -> None:
    bare = {key: value for key, value in INDEX.items() if key != "mediaType"}
    assert isinstance(parse_manifest(raw(bare)), Index)
    assert parse_manifest(raw(bare), media_type=mt.DOCKER_INDEX).media_type == mt.DOCKER_INDEX


@pytest.mark.parametrize(
    "change",
    [
        {"schemaVersion": 1},
        {"mediaType": "text/html"},
        {"manifests": []},
        {"layers": None},
        {"layers": [{**BLOB, "size": -1}]},
        {"layers": [{**BLOB, "size": True}]},
        {"layers": [{**BLOB, "size": 1 << 63}]},
        {"layers": [{**BLOB, "digest": "sha256:1"}]},
        {"layers": ["x"]},
        {"config": None},
        {"annotations": {"a": 1}},
        {"annotations": []},
        {"subject": "x"},
        {"artifactType": 3},
    ],
)
def test_what_lies_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        parse_manifest(raw({**IMAGE, **change}))


def test_the_carrier_and_the_document_must_agree() -> None:
    with pytest.raises(InvalidInputError, match="came as"):
        parse_manifest(raw(IMAGE), media_type=mt.OCI_INDEX)


def test_bounds_are_named() -> None:
    with pytest.raises(BoundExceededError, match="max_layers"):
        parse_manifest(raw({**IMAGE, "layers": [BLOB] * (MAX_LAYERS + 1)}))
    with pytest.raises(BoundExceededError, match="max_bytes"):
        parse_manifest(b" " * (MAX_MANIFEST_BYTES + 1))
    with pytest.raises(TidegateError):
        parse_manifest(b'{"a":' * 100_000)


@pytest.mark.parametrize(
    ("config", "layers", "image"),
    [
        (mt.OCI_CONFIG, [mt.OCI_LAYER_GZIP], True),
        (mt.OCI_EMPTY, [mt.OCI_LAYER], True),
        (mt.OCI_EMPTY, [mt.OCI_LAYER_GZIP + "+encrypted"], True),
        (mt.OCI_CONFIG, [], True),
        (mt.OCI_CONFIG, [mt.IN_TOTO], False),
        (mt.OCI_CONFIG, [mt.IN_TOTO, mt.OCI_LAYER_GZIP], True),
        (mt.OCI_EMPTY, [mt.DSSE], False),
    ],
)
def test_what_a_runtime_could_run_is_an_image_whatever_it_claims(config: str, layers: list[str], image: bool) -> None:
    document = {
        **IMAGE,
        "artifactType": "application/vnd.harmless",
        "subject": BLOB,
        "config": {**CONFIG, "mediaType": config},
        "layers": [{**BLOB, "mediaType": kind} for kind in layers],
    }
    found = parse_manifest(raw(document))
    assert isinstance(found, Manifest)
    assert found.is_image is image


@pytest.mark.property
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "schemaVersion",
                        "mediaType",
                        "config",
                        "layers",
                        "manifests",
                        "size",
                        "digest",
                        "subject",
                        "annotations",
                        "platform",
                    ]
                ),
                inner,
                max_size=6,
            )
        ),
        max_leaves=12,
    )
)
def test_any_json_gives_a_manifest_or_a_named_error(document: object) -> None:
    with suppress(TidegateError):
        assert parse_manifest(raw(document)).raw == raw(document)


@pytest.mark.parametrize(
    ("user", "root"),
    [
        ("", True),
        ("root", True),
        ("0", True),
        ("0:1000", True),
        ("00", True),
        ("root:app", True),
        ("1000", False),
        ("app", False),
        ("10001:0", False),
    ],
)
def test_who_runs_as_root(user: str, root: bool) -> None:
    config = parse_image_config(raw({"os": "linux", "architecture": "amd64", "config": {"User": user}}))
    assert config.runs_as_root is root


def test_docker_configurations_with_nulls_and_strings_are_read() -> None:
    run: dict[str, object] = {
        "Env": None,
        "Entrypoint": "/bin/sh -c x",
        "Cmd": None,
        "Labels": None,
        "ExposedPorts": {"80/tcp": {}},
        "Healthcheck": {"Test": ["x"]},
    }
    document = {"os": "linux", "architecture": "amd64", "variant": None, "history": None, "config": run}
    config = parse_image_config(raw(document))
    assert config.entrypoint == ("/bin/sh -c x",)
    assert config.exposed_ports == ("80/tcp",)
    assert config.has_healthcheck
