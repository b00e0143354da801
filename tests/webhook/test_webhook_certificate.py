# SPDX-License-Identifier: Apache-2.0
"""The webhook's certificate: made, made anew, given, changed while it serves; and what a cluster is told of it."""

import base64
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from reviews import Both, pod_review

from made_verdicts import Issuer, image_verdict
from tidegate.identity.own_certificate import own_certificate
from webhook_process import WebhookProcess

NAMES = ("tidegate-webhook.tidegate.svc", "127.0.0.1")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def served(port: int) -> bytes:
    """The certificate that is shown now, DER."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port)) as plain, context.wrap_socket(plain) as wrapped:
        found = wrapped.getpeercert(binary_form=True)
    assert found
    return found


def test_it_is_kept_and_made_anew_under_the_same_authority_before_it_ends(tmp_path: Path) -> None:
    made = own_certificate(tmp_path / "tls", NAMES, lambda: NOW)
    first, authority = made.certificate.read_bytes(), made.authority.read_bytes()
    assert own_certificate(tmp_path / "tls", NAMES, lambda: NOW + timedelta(days=300)).certificate.read_bytes() == first
    later = NOW + timedelta(days=310)
    own_certificate(tmp_path / "tls", NAMES, lambda: later)
    second = made.certificate.read_bytes()
    assert second != first
    assert made.authority.read_bytes() == authority
    certificate = x509.load_pem_x509_certificates(second)[0]
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority))
    assert certificate.not_valid_after_utc > later + timedelta(days=300)
    for key in ("key.pem", "authority-key.pem"):
        assert (tmp_path / "tls" / key).stat().st_mode & 0o077 == 0
    own_certificate(tmp_path / "tls", (*NAMES, "other"), lambda: later)
    assert made.certificate.read_bytes() != second


def test_a_changed_certificate_is_served_without_a_pause(tmp_path: Path) -> None:
    issuer = Issuer()
    issuer.fill(tmp_path / "home" / "webhook", [image_verdict("team/app:1")])
    given = own_certificate(tmp_path / "given", ("127.0.0.1",), lambda: datetime.now(UTC))
    settings = {
        "WEBHOOK_TLS_CERTIFICATE_FILE": str(given.certificate),
        "WEBHOOK_TLS_KEY_FILE": str(given.key),
    }
    webhook = WebhookProcess(tmp_path / "home", issuer.save_public(tmp_path / "pub"), settings=settings)
    webhook.authority.parent.mkdir(parents=True)
    shutil.copy(given.authority, webhook.authority)
    with webhook:
        before = served(webhook.port)
        other = own_certificate(tmp_path / "other", ("127.0.0.1",), lambda: datetime.now(UTC))
        given.certificate.write_bytes(other.certificate.read_bytes())
        assert Both(webhook, pod_review("team/app:1")).allowed  # its key is not there yet: the old pair is served on
        given.key.write_bytes(other.key.read_bytes())
        ends = time.monotonic() + 90
        # Until the first server ends, either may answer: the new one alone does once it says so.
        while served(webhook.port) == before or "the new certificate is served" not in webhook.log():
            assert time.monotonic() < ends, webhook.log()
            time.sleep(0.1)
        shutil.copy(other.authority, webhook.authority)
        fresh = webhook.http.__class__(base_url=webhook.url, verify=webhook.trust(), trust_env=False, timeout=60)
        with fresh:
            assert fresh.post("/validate", content=b"{}").json()["response"]["allowed"] is False


def manifests(home: Path, *words: str, **settings: str) -> list[Any]:
    command = [sys.executable, "-m", "tidegate", "webhook", "manifests", *words]
    environment = {**os.environ, "TIDEGATE_HOME": str(home), **{f"TIDEGATE_{k}": v for k, v in settings.items()}}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def test_the_configurations_close_and_leave_out_what_would_wedge(tmp_path: Path) -> None:
    mutating, validating = manifests(tmp_path)
    authority = (tmp_path / "webhook" / "tls" / "authority.pem").read_bytes()
    for one in (*mutating["webhooks"], *validating["webhooks"]):
        assert one["failurePolicy"] == "Fail"
        assert one["timeoutSeconds"] <= 10
        assert base64.b64decode(one["clientConfig"]["caBundle"]) == authority
        (exempt,) = one["namespaceSelector"]["matchExpressions"]
        assert {"kube-system", "tidegate"} <= set(exempt["values"])
        assert one["sideEffects"] in {"None", "NoneOnDryRun"}


def test_a_deployment_brings_its_secrets_only_when_they_are_asked_for(tmp_path: Path) -> None:
    trusted = Issuer().save_public(tmp_path / "server.pub")
    words = ("--image", "registry.example/tidegate@sha256:" + "0" * 64, "--server", "https://registry.example")
    plain = manifests(tmp_path / "home", *words, SIGNING_TRUSTED_KEYS=str(trusted))
    kinds = [one["kind"] for one in plain]
    assert "Secret" not in kinds
    assert "PRIVATE" not in yaml.safe_dump_all(plain)
    assert {"Namespace", "ServiceAccount", "ConfigMap", "Service", "Deployment", "PodDisruptionBudget"} <= set(kinds)
    full = manifests(tmp_path / "home", *words, "--secrets", SIGNING_TRUSTED_KEYS=str(trusted))
    (secret,) = [one for one in full if one["kind"] == "Secret"]
    assert set(secret["data"]) == {"tls.crt", "tls.key", "glass.key"}
    deployment = next(one for one in full if one["kind"] == "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False


def test_without_a_key_it_does_not_start(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tidegate", "serve", "--mode", "webhook", "--port", "0"]
    environment = {**os.environ, "TIDEGATE_HOME": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2
    assert "no key is trusted" in done.stderr
