# SPDX-License-Identifier: Apache-2.0
"""Keys in a PKCS#11 token (SoftHSM); clouds are tried no further than their URI and the client that is not there."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tidegate.errors import OutsideError, UsageError
from tidegate.signing.key_service import is_key_service, open_key_service
from tidegate.signing.keys import VerifyingKey

MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so")


CURVES = {"P-256": 2, "P-384": 3}


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a token of one key a curve; the module of a token reads its settings once in a process."""
    pytest.importorskip("pkcs11", reason="pip install 'tidegate[hsm]'")
    module = next((one for one in MODULES if Path(one).exists()), None)
    if module is None or shutil.which("softhsm2-util") is None:
        pytest.skip("softhsm2 is missing; apt-get install softhsm2")
    folder = tmp_path_factory.mktemp("token")
    (folder / "tokens").mkdir()
    (folder / "softhsm.conf").write_text(f"directories.tokendir = {folder}/tokens\nlog.level = ERROR\n")
    (folder / "pin").write_text("1234\n")
    (folder / "pin").chmod(0o600)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(folder / "softhsm.conf"))
        patch.setenv("PYKCS11LIB", module)
        _do("softhsm2-util", "--init-token", "--free", "--label", "prod", "--pin", "1234", "--so-pin", "0000")
        for curve, number in CURVES.items():
            key = folder / f"{curve}.pem"
            _do("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{curve}", "-out", key)
            (folder / f"{curve}.pub").write_bytes(_do("openssl", "pkey", "-in", key, "-pubout"))
            words = ("--import", key, "--token", "prod", "--label", curve, "--id", f"0{number}", "--pin", "1234")
            _do("softhsm2-util", *words)
        yield folder


def _do(*words: object) -> bytes:
    return subprocess.run([str(word) for word in words], check=True, capture_output=True).stdout


def _uri(token: Path, curve: str, pin: str = "pin") -> str:
    return f"pkcs11:token=prod;id=%0{CURVES[curve]}?pin-source={token}/{pin}"


@pytest.mark.tools
@pytest.mark.parametrize("curve", CURVES)
def test_a_token_signs(curve: str, token: Path) -> None:
    key = open_key_service(_uri(token, curve))
    theirs = VerifyingKey.load(token / f"{curve}.pub")
    assert key.verifying == theirs.only(key.verifying.schemes[0])
    assert theirs.verifies(key.sign(b"data"), b"data")
    assert "1234" not in repr(key)


@pytest.mark.tools
def test_what_a_token_refuses(token: Path) -> None:
    (token / "wrong").write_text("9999")
    (token / "wrong").chmod(0o600)
    with pytest.raises(OutsideError, match=r"cannot be opened|could not sign") as caught:
        open_key_service(_uri(token, "P-256", "wrong")).sign(b"x")
    assert "9999" not in str(caught.value)
    with pytest.raises(OutsideError, match="cannot be opened"):
        open_key_service(_uri(token, "P-256").replace("prod", "other"))


def test_uris_that_name_nothing() -> None:
    assert is_key_service("pkcs11:id=%02")
    assert not is_key_service("./release.key")
    for uri, why in (
        ("pkcs11:id=%02", "no file of its PIN"),
        ("pkcs11:object=x?pin-source=a", "'object' is not known"),
        ("awskms://host/key", "names no key"),
        ("azurekms://vault", "names no key"),
    ):
        with pytest.raises(UsageError, match=why):
            open_key_service(uri)


@pytest.mark.parametrize(
    ("uri", "extra"),
    [
        ("awskms:///alias/release", "aws"),
        ("gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1", "gcp"),
        ("azurekms://vault/key", "azure"),
        ("hashivault://release", "vault"),
    ],
)
def test_a_client_that_is_not_installed(uri: str, extra: str) -> None:
    with pytest.raises(UsageError, match=rf"pip install 'tidegate\[{extra}\]'"):
        open_key_service(uri)
