# SPDX-License-Identifier: Apache-2.0
"""Secrets in an image's configuration are told where they were written, once, and found once per configuration."""

import json

from secret_samples import made

from tidegate.artifact.image_config import parse_image_config
from tidegate.scan.secrets.detector import SecretDetector
from tidegate.scan.secrets.image_config import secrets_in_config


def test_every_corner_of_a_configuration_is_looked_at() -> None:
    tokens = {name: made("glpat-<20:alnum>", name).decode() for name in ("env", "label", "step", "cmd", "entry", "odd")}
    password = made("<20:alnum>").decode()
    document = {
        "os": "linux",
        "architecture": "amd64",
        "config": {
            "Env": ["PATH=/bin", f"TOKEN={tokens['env']}", f"DB_PASSWORD={password}"],
            "Labels": {"org.example.key": tokens["label"]},
            "Cmd": ["run", f"--token={tokens['cmd']}"],
            "Entrypoint": ["/bin/app", tokens["entry"]],
            "OnBuild": [f"ENV T={tokens['odd']}"],
        },
        "rootfs": {"type": "layers", "diff_ids": []},
        "history": [
            {"created_by": "ADD file"},
            {"created_by": f"|1 NPM={tokens['step']} /bin/sh -c npm ci"},
            {"created_by": f"ENV TOKEN={tokens['env']}"},
        ],
    }
    raw = json.dumps(document).encode()
    facts = secrets_in_config(parse_image_config(raw), raw, SecretDetector())
    assert sorted((fact.path, fact.rule) for fact in facts) == [
        ("cmd", "gitlab-token"),
        ("config", "gitlab-token"),
        ("entrypoint", "gitlab-token"),
        ("env:DB_PASSWORD", "generic-password"),
        ("env:TOKEN", "gitlab-token"),
        ("history:2", "gitlab-token"),
        ("label:org.example.key", "gitlab-token"),
    ]
    assert {fact.place for fact in facts} == {"image-config"}
    told = json.dumps([str(fact) for fact in facts])
    assert not any(secret in told for secret in (*tokens.values(), password))
