# SPDX-License-Identifier: Apache-2.0
"""`tidegate keypair`: keys are made, shown and brought into other forms; and what options of signing say."""

import json
from pathlib import Path

from verification_run import Run

from cosign import Cosign
from tidegate.cli.signing_options import SCHEMES
from tidegate.oci.write import LayerBuilder, write_image, write_index
from tidegate.signing.keys import SigningKey, VerifyingKey
from tidegate.signing.scheme import Scheme


def test_every_scheme_can_be_asked_for() -> None:
    assert set(SCHEMES) == {scheme.value for scheme in Scheme}


def test_a_key_is_made_shown_and_converted(run: Run, tmp_path: Path) -> None:
    (tmp_path / "pass").write_text("correct horse\n")
    (tmp_path / "pass").chmod(0o600)
    made = run("keypair", "generate", "release.key", "--kind", "ed25519", "--password-file", "pass")
    assert made.status == 0, made.said
    key = SigningKey.load(tmp_path / "release.key", password=b"correct horse")
    assert made.out.strip() == key.key_id
    assert VerifyingKey.load(tmp_path / "release.pub") == key.verifying
    again = run("keypair", "generate", "release.key")
    assert again.status == 2
    assert "already there" in again.said

    shown = run("keypair", "show", "release.key:pass", "--format", "json")
    assert json.loads(shown.out)["keyId"] == key.key_id
    assert "PRIVATE" not in shown.out
    assert key.key_id in run("keypair", "show", "release.pub").out

    assert run("keypair", "convert", "release.key:pass", "cosign.key", "--form", "cosign").status == 2
    done = run("keypair", "convert", "release.key:pass", "cosign.key", "--form", "cosign", "--password-file", "pass")
    assert done.status == 0, done.said
    assert SigningKey.load(tmp_path / "cosign.key", password=b"correct horse").key_id == key.key_id
    asked = run("keypair", "show", "release.key")
    assert asked.status == 2
    assert "write FILE:PASSWORD_FILE" in asked.said


def test_cosign_takes_a_key_that_was_made_here(run: Run, tmp_path: Path, cosign: Cosign) -> None:
    (tmp_path / "pass").write_text("correct horse")
    (tmp_path / "pass").chmod(0o600)
    assert run("keypair", "generate", "k.key", "--form", "cosign", "--password-file", "pass").status == 0
    assert cosign.do("public-key", "--key", "k.key").strip() == (tmp_path / "k.pub").read_text().strip()


def test_every_platform_of_an_index_is_signed(run: Run, tmp_path: Path) -> None:
    children = [write_image(tmp_path / "l", None, [LayerBuilder().file("a", name).build()]) for name in ("one", "two")]
    write_index(tmp_path / "l", "latest", children)
    SigningKey.generate().save(tmp_path / "k.pem")
    (tmp_path / "k.pub").write_bytes(SigningKey.load(tmp_path / "k.pem").verifying.to_pem())
    assert run("sign", "oci:l", "--key", "k.pem").status == 0
    assert run("verify", "oci:l:latest", "--key", "k.pub").status == 0
    child = f"oci:l@{children[0].digest}"
    assert run("verify", child, "--key", "k.pub").status == 1
    assert run("sign", "oci:l:latest", "--key", "k.pem", "--recursive").status == 0
    assert run("verify", child, "--key", "k.pub").status == 0


def test_what_makes_no_sense_is_said(run: Run, layout: Path, tmp_path: Path) -> None:
    SigningKey.generate().save(tmp_path / "k.pem")
    for words, why in (
        (("verify", f"oci:{layout}"), "nobody is trusted"),
        (("verify", f"oci:{layout}", "--certificate-identity", "a"), "nobody vouches for certificates"),
        (("verify", f"oci:{layout}", "--key", "absent.pub"), "no such key file"),
        (("sign", f"oci:{layout}", "--key", "k.pem", "-a", "env"), "no annotation"),
        (("sign", f"oci:{layout}", "--key", "k.pem", "--scheme", "ed25519"), "cannot sign as ed25519"),
        (("sign", f"dir:{layout}", "--key", "k.pem"), "has no manifest to work on"),
        (("attest", f"oci:{layout}", "--key", "k.pem", "--type", "x", "--predicate", "p"), "no predicate type"),
    ):
        done = run(*words)
        assert done.status == 2, (words, done.said)
        assert why in done.said, (words, done.said)
