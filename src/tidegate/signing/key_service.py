# SPDX-License-Identifier: Apache-2.0
"""Private keys that lie in no file: PKCS#11 tokens and the key services of clouds, through securesystemslib's signers.

`pkcs11:token=LABEL;id=%02?pin-source=FILE` (RFC 7512; the module is what PYKCS11LIB names), `awskms:///KEY`,
`gcpkms://projects/…/cryptoKeyVersions/1`, `azurekms://VAULT/KEY`, `hashivault://KEY`. Who we are to a cloud is its
client's own business: its environment and files.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, unquote, unquote_to_bytes

from tidegate.bounds import printable
from tidegate.errors import InvalidInputError, OutsideError, UsageError
from tidegate.key_file import read_key_file
from tidegate.signing.keys import VerifyingKey
from tidegate.signing.scheme import Scheme

_SCHEMES: Final[Mapping[str, Scheme]] = {
    "ecdsa-sha2-nistp256": Scheme.ECDSA_P256,
    "ecdsa-sha2-nistp384": Scheme.ECDSA_P384,
    "ed25519": Scheme.ED25519,
    "rsassa-pss-sha256": Scheme.RSA_PSS,
    "rsassa-pss-sha384": Scheme.RSA_PSS_SHA384,
    "rsassa-pss-sha512": Scheme.RSA_PSS_SHA512,
    "rsa-pkcs1v15-sha256": Scheme.RSA_PKCS1,
}


@dataclass(frozen=True, slots=True)
class ServiceKey:
    """A private key in a token or with a service (a `tidegate.signing.keys.Signer`)."""

    verifying: VerifyingKey
    _signer: Any = field(repr=False, compare=False)
    _where: str = field(repr=False, compare=False)

    def sign(self, data: bytes) -> bytes:
        """The raw signature over bytes.

        Raises:
            OutsideError: the token or the service failed.
        """
        try:
            return bytes.fromhex(self._signer.sign(data).signature)
        except Exception as error:
            raise OutsideError(f"the key could not sign: {_words(error)}", where=self._where) from error


def is_key_service(text: str) -> bool:
    """True for a URI of a token or a key service."""
    return text.partition(":")[0] in _OPENERS


def open_key_service(uri: str) -> ServiceKey:
    """Opens a private key that a URI names; its public half is asked for at once.

    Raises:
        UsageError: the URI is malformed, or the client of that service is not installed.
        OutsideError: the token or the service cannot be reached, refuses, or has no such key.
    """
    name = uri.partition(":")[0]
    opener, extra = _OPENERS[name]
    where = uri.partition("?")[0]
    from securesystemslib.exceptions import UnsupportedLibraryError

    try:
        signer = opener(uri.partition(":")[2])
        key = _public_of(signer.public_key, where)
    except UnsupportedLibraryError as error:
        raise UsageError(
            "the client of this key service is not installed", where=where, remedy=f"pip install 'tidegate[{extra}]'"
        ) from error
    except (UsageError, InvalidInputError):
        raise
    except Exception as error:  # what clients of clouds raise is nowhere listed
        raise OutsideError(f"the key cannot be opened: {_words(error)}", where=where) from error
    return ServiceKey(key, signer, where)


def _public_of(public: Any, where: str) -> VerifyingKey:
    scheme = _SCHEMES.get(public.scheme)
    if scheme is None:
        raise InvalidInputError(f"signs as {public.scheme}, which nobody verifies here", where=where)
    return VerifyingKey.parse(public.keyval["public"].encode(), where=where).only(scheme)


def _pkcs11(rest: str) -> Any:
    from securesystemslib.signer import HSMSigner  # type: ignore[attr-defined]  # public, but it names no __all__

    path, _, query = rest.partition("?")
    attributes = dict(part.partition("=")[::2] for part in path.split(";") if part)
    if unknown := sorted(set(attributes) - {"token", "id", "type"}):
        raise UsageError(f"the attribute {unknown[0]!r} is not known", where="pkcs11:", remedy="use token and id")
    label = unquote(attributes["token"]) if "token" in attributes else None
    number = int.from_bytes(unquote_to_bytes(attributes["id"])) if "id" in attributes else None
    pin_files = parse_qs(query).get("pin-source", [])
    if not pin_files:
        raise UsageError("names no file of its PIN", where="pkcs11:", remedy="append ?pin-source=FILE")
    pin = read_key_file(Path(pin_files[0].removeprefix("file:")), secret=True).rstrip(b"\r\n").decode()
    found, public = HSMSigner.import_(number, label, lambda _: pin)
    return HSMSigner.from_priv_key_uri(found, public, lambda _: pin)


def _aws(rest: str) -> Any:
    from securesystemslib.signer import AWSSigner  # type: ignore[attr-defined]

    endpoint, _, key = rest.removeprefix("//").partition("/")
    if endpoint or not key:
        raise UsageError(
            "names no key", where="awskms:", remedy="write awskms:///KEY; AWS_ENDPOINT_URL for another host"
        )
    return AWSSigner.from_priv_key_uri(*AWSSigner.import_(key))


def _gcp(rest: str) -> Any:
    from securesystemslib.signer import GCPSigner  # type: ignore[attr-defined]

    return GCPSigner.from_priv_key_uri(*GCPSigner.import_(rest.removeprefix("//")))


def _azure(rest: str) -> Any:
    from securesystemslib.signer import AzureSigner  # type: ignore[attr-defined]

    vault, _, key = rest.removeprefix("//").partition("/")
    if not vault or not key:
        raise UsageError("names no key", where="azurekms:", remedy="write azurekms://VAULT/KEY")
    return AzureSigner.from_priv_key_uri(*AzureSigner.import_(vault.partition(".")[0], key))


def _vault(rest: str) -> Any:
    from securesystemslib.signer import VaultSigner  # type: ignore[attr-defined]

    return VaultSigner.from_priv_key_uri(*VaultSigner.import_(rest.removeprefix("//")))


_OPENERS: Final[Mapping[str, tuple[Callable[[str], Any], str]]] = {
    "pkcs11": (_pkcs11, "hsm"),
    "awskms": (_aws, "aws"),
    "gcpkms": (_gcp, "gcp"),
    "azurekms": (_azure, "azure"),
    "hashivault": (_vault, "vault"),
}
"""What opens each kind of URI, and the extra of this package that brings its client."""


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {printable(str(error))[:300]}".rstrip(": ")
