# SPDX-License-Identifier: Apache-2.0
"""Options that `sign` and `attest` share: who signs, how it is stored, what stands beside it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tidegate.cli.call import Call
from tidegate.cli.gathered_options import gathered
from tidegate.errors import UsageError

if TYPE_CHECKING:
    from tidegate.artifact import Descriptor
    from tidegate.assembly.signing import SignedImage
    from tidegate.verification.making import Making

SCHEMES = (
    "ecdsa-p256-sha256",
    "ecdsa-p384-sha384",
    "ecdsa-p384-sha256",
    "ecdsa-p521-sha512",
    "ecdsa-p521-sha256",
    "ed25519",
    "ed25519-ph",
    "rsa-pss-sha256",
    "rsa-pss-sha384",
    "rsa-pss-sha512",
    "rsa-pkcs1v15-sha256",
)
"""`tidegate.signing.scheme.Scheme` by name, without its import; a test compares."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """What the shared options said."""

    key: str
    scheme: str | None
    certificate: Path | None
    chain: tuple[Path, ...]
    stored: str
    annotations: tuple[str, ...]
    recursive: bool
    insecure: bool


def signing_options(function: Callable[..., int]) -> Callable[..., int]:
    """Adds the options; the verb gets them as one `signing`."""
    keys = ("key", "scheme", "certificate", "chain", "stored", "annotations", "recursive", "insecure")
    return gathered(function, "signing", Signing, _OPTIONS, keys=keys, is_last=True)


@contextmanager
def open_making(call: Call, image: str, signing: Signing) -> "Iterator[tuple[Making, SignedImage, list[Descriptor]]]":
    """Opens the key and the image.

    Yields:
        Who signs and where it goes; the image; what of it is signed.

    Raises:
        TidegateError: the key or the image cannot be opened.
    """
    from tidegate.assembly.signing import load_signer, load_signer_certificate, open_signed_image
    from tidegate.clock import system_clock
    from tidegate.oci.target import parse_target
    from tidegate.signing.scheme import Scheme
    from tidegate.verification.making import Making, Stored

    signer = load_signer(signing.key, Scheme(signing.scheme) if signing.scheme else None)
    certificate = load_signer_certificate(signer, signing.certificate, signing.chain) if signing.certificate else None
    if certificate is not None and certificate.intermediates and signing.stored != "tag":
        call.note("a bundle carries the signer's certificate alone: who verifies it names all of --chain with --roots")
    target = parse_target(image)
    if target.guess:
        call.note(target.guess)
    if signing.insecure:
        call.warn("--insecure: nobody vouches for what the registry is or says")
    if target.reference is not None and target.reference.digest is None:
        call.note("a tag may be moved while it is signed; name the image by its digest to be sure of what is signed")
    with open_signed_image(call.settings(), target, insecure=signing.insecure, signs=True) as opened:
        if opened.shelf is None:
            raise UsageError("has no place for signatures", where=target.text)
        making = Making(
            signer=signer,
            shelf=opened.shelf,
            clock=system_clock,
            certificate=certificate,
            stored=tuple(Stored) if signing.stored == "both" else (Stored(signing.stored),),
            annotations=_pairs(signing.annotations),
        )
        below = opened.children() if signing.recursive else []
        yield making, opened, [opened.root, *below]


def _pairs(texts: Sequence[str]) -> dict[str, str]:
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise UsageError("no annotation", where=text[:80], remedy="write NAME=VALUE")
        found[name] = value
    return found


_FILE = click.Path(path_type=Path)
_OPTIONS = (
    click.Option(
        ["--key"],
        required=True,
        metavar="KEY",
        help="Private key: FILE, FILE:PASSWORD_FILE, or pkcs11:, awskms:, gcpkms:, azurekms:, hashivault: URI.",
    ),
    click.Option(["--scheme"], type=click.Choice(SCHEMES), help="How it signs. [what cosign verifies untold]"),
    click.Option(["--certificate"], type=_FILE, metavar="FILE", help="The key's certificate (PEM), told beside."),
    click.Option(["--chain"], type=_FILE, multiple=True, metavar="FILE", help="What leads to the root (PEM)."),
    click.Option(
        ["--store", "stored"],
        type=click.Choice(["bundle", "tag", "both"]),
        default="bundle",
        show_default=True,
        help="A sigstore bundle as a referrer, or cosign's tag sha256-HEX.",
    ),
    click.Option(["-a", "--annotation", "annotations"], multiple=True, metavar="NAME=VALUE", help="Signed along."),
    click.Option(["--recursive"], is_flag=True, help="Sign every platform of an index as well."),
    click.Option(["--insecure"], is_flag=True, help="Registry without TLS, or without checking it."),
)
