# SPDX-License-Identifier: Apache-2.0
"""`tidegate sign`."""

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import verb
from tidegate.cli.signing_options import Signing, open_making, signing_options


@verb(
    "sign",
    examples=(
        (
            "tidegate keypair generate release.key --password-file pass.txt",
            "a key first, and release.pub",
        ),
        (
            "tidegate sign registry.example/app@sha256:… --key release.key:pass.txt",
            "what cosign verify --key release.pub verifies",
        ),
        ("tidegate sign oci:./image --key release.key:pass.txt", "an image in a folder; the signature goes beside it"),
        ("tidegate sign oci-archive:image.tar --key release.key:pass.txt", "in a file, which is written anew"),
        ("tidegate sign registry.example/app:1 --key cosign.key:pass.txt --store tag", "for every older cosign"),
        ("tidegate sign registry.example/app:1 --key 'pkcs11:token=prod;id=%02?pin-source=pin.txt'", "by a token"),
        ("tidegate sign registry.example/app:1 --key ca.key --certificate us.pem --chain ca.pem", "by a certificate"),
    ),
)
@click.argument("image")
@signing_options
def command(call: Call, *, image: str, signing: Signing) -> int:
    """Sign an IMAGE, so that cosign and tidegate verify it.

    The signature lies beside the image: as a sigstore bundle that refers to it, or under cosign's tag. Nothing is sent
    to a transparency log. The digest of each manifest that holds it goes to standard output.

    An RSA key signs with PKCS#1 v1.5, since cosign verifies nothing else of it; --scheme rsa-pss-sha256 for PSS.
    """
    from tidegate.verification.making import sign_image

    with open_making(call, image, signing) as (making, opened, subjects):
        for subject in subjects:
            for digest in sign_image(making, subject, opened.reference):
                click.echo(digest)
            call.note(f"signed {subject.digest} by key {making.signer.verifying.key_id[:12]}")
    return 0
