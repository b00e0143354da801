# SPDX-License-Identifier: Apache-2.0
"""A ConfigMap with a secret in it is denied by itself, and told as an event without it."""

import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from whole_server import WholeServer


def test_a_config_map_has_its_own_decision_and_event(server: WholeServer, tmp_path: Path) -> None:
    del tmp_path
    key = ec.generate_private_key(ec.SECP256R1())
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    for name, data, allowed in (("plain", {"colour": "blue"}, True), ("leaky", {"tls.pem": secret}, False)):
        document = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": "cfg"},
            "data": data,
        }
        answer = server.review(json.dumps(document))
        assert answer["allowed"] is allowed, answer
    plain = server.wait_for_event("execution.configuration.admitted")
    assert plain["subject"] == "cfg/ConfigMap/plain"
    leaky = server.wait_for_event("execution.configuration.denied")
    assert leaky["subject"] == "cfg/ConfigMap/leaky"
    assert leaky["data"]["digest"].startswith("sha256:")
    assert secret.splitlines()[1] not in json.dumps(leaky)
