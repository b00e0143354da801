# SPDX-License-Identifier: Apache-2.0
"""`tidegate serve` as a user starts it, over TLS; by default it observes: what is pushed can be pulled at once."""

import datetime as dt
import ipaddress
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True, kw_only=True)
class Serving:
    """Where it answers, and the certificate that proves it."""

    host: str
    certificate: Path

    @property
    def url(self) -> str:
        return f"https://{self.host}"


@contextmanager
def serving(folder: Path, *, mode: str = "observe") -> Iterator[Serving]:
    """Runs it until the block ends."""
    certificate, key = _make_certificate(folder)
    environment = {
        **os.environ,
        "TIDEGATE_HOME": str(folder / "home"),
        "TIDEGATE_CURATION_MODE": mode,
        "TIDEGATE_SERVER_TLS_CERTIFICATE_FILE": str(certificate),
        "TIDEGATE_SERVER_TLS_KEY_FILE": str(key),
    }
    command = [str(Path(sys.executable).with_name("tidegate")), "serve", "--port", "0"]
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        try:
            assert process.stdout is not None
            found = re.search(r"serves at https://(\S+)", process.stdout.readline())
            assert found, (folder / "log").read_text()[-2000:]
            yield Serving(host=found[1], certificate=certificate)
        finally:
            process.terminate()
            process.wait(120)


def _make_certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    addresses = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(addresses, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files
