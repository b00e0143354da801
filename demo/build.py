# SPDX-License-Identifier: Apache-2.0
"""A developer's folder becomes an image: real packages in one layer, the developer's own files in another."""

import base64
import secrets
from pathlib import Path

from tidegate.artifact import Descriptor
from tidegate.oci.layer_builder import LayerBuilder
from tidegate.oci.write import write_image

_SITE = "usr/lib/python3/site-packages"
_MAIN = "import uvicorn\n\nuvicorn.run('app:app', host='0.0.0.0', port=8080)\n"


def build_reports(packages: Path, layout: Path) -> Descriptor:
    """The careless image: exploited packages, a key left in a layer, everything as root."""
    base = LayerBuilder().tree(packages, at=_SITE).build()
    own = LayerBuilder().file("app/main.py", "import airflow\n").file("app/deploy.pem", planted_key()).build()
    history = [{"created_by": "COPY packages"}, {"created_by": "COPY app"}]
    config = {"Cmd": ["python3", "/app/main.py"], "Env": [f"PYTHONPATH=/{_SITE}"]}
    return write_image(layout, "reports", [base, own], config, history=history)


def build_web(packages: Path, layout: Path, tag: str) -> Descriptor:
    """The careful image: nothing known against it today, its own user, no secret."""
    base = LayerBuilder().tree(packages, at=_SITE).build()
    own = LayerBuilder().file("app/main.py", _MAIN).build()
    history = [{"created_by": "COPY packages"}, {"created_by": "COPY app"}]
    config = {
        "Cmd": ["python3", "/app/main.py"],
        "Env": [f"PYTHONPATH=/{_SITE}"],
        "User": "10001:10001",
        "ExposedPorts": {"8080/tcp": {}},
    }
    return write_image(layout, tag, [base, own], config, history=history)


def planted_key() -> str:
    """Something that looks like a private key and opens nothing: made anew each time, kept nowhere."""
    body = base64.encodebytes(secrets.token_bytes(1190)).decode()
    kind = "RSA PRIVATE" + " KEY"
    return f"-----BEGIN {kind}-----\n{body}-----END {kind}-----\n"
