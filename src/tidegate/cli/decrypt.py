# SPDX-License-Identifier: Apache-2.0
"""`tidegate decrypt`."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import verb
from tidegate.cli.encryption_options import key_option, load_keys, open_both, tell
from tidegate.errors import UsageError

if TYPE_CHECKING:
    from tidegate.artifact import Digest
    from tidegate.oci.encryption.keys import DecryptionKey


@verb(
    "decrypt",
    examples=(
        ("tidegate decrypt oci:./secret oci:./image --key own.pem", "with the private key of one recipient"),
        (
            "tidegate decrypt registry.example/app:1 oci-archive:app.tar --key own.pem:password.txt",
            "into a file",
        ),
        (
            "tidegate decrypt registry.example/app:1 oci:./image --key own.pem --ask",
            "with keys that the registry releases while the image is admitted",
        ),
    ),
)
@click.argument("image")
@click.argument("target")
@key_option("--key", help="Private key of one of its recipients.")
@click.option(
    "--released",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Keys that a registry released for --key: the answer of POST /images/DIGEST/keys.",
)
@click.option("--ask", is_flag=True, help="Ask the registry to release the keys for --key, where it is a tidegate.")
@click.option("--insecure", is_flag=True, help="Registry without TLS, or without checking it.")
def command(
    call: Call,
    *,
    image: str,
    target: str,
    keys: tuple[str, ...],
    released: Path | None,
    ask: bool,
    insecure: bool,
) -> int:
    """Decrypt the layers of an image that tidegate, skopeo or another user of ocicrypt encrypted.

    IMAGE is oci:DIR[:NAME], oci-archive:FILE or registry:REFERENCE; TARGET is one of the same and may be new. An index
    is decrypted with all its platforms. A layer is written only when it is whole and nobody has changed it. The digest
    of the new image goes to standard output.
    """
    from tidegate.oci.encryption.image import decrypt_image

    if not keys:
        raise UsageError("no private key", where=image, remedy="name one with --key")
    if ask and released:
        raise UsageError("--ask and --released exclude each other", where=image)
    private = load_keys(keys)
    with open_both(call, image, target, insecure=insecure) as (whole, to):
        given = _read_released(released) if released else None
        if ask:
            given = _asked(call, image, whole.root.digest, private[0], insecure=insecure)
        made = decrypt_image(whole.root, whole.blobs, to, private, given)
        to.finish(made.root)
    tell(call, made, "decrypted")
    return 0


def _read_released(path: Path) -> "Mapping[Digest, Mapping[str, str]]":
    from tidegate.cli.named_file import read_named_file
    from tidegate.oci.encryption.released import MAX_RELEASED_BYTES, read_released

    return read_released(read_named_file(path, max_bytes=MAX_RELEASED_BYTES), where=str(path))


def _asked(
    call: Call, image: str, digest: "Digest", key: "DecryptionKey", *, insecure: bool
) -> "Mapping[Digest, Mapping[str, str]]":
    from tidegate.cli.encryption_options import open_registry
    from tidegate.oci.encryption.request import request_keys
    from tidegate.oci.target import parse_target

    reference = parse_target(image).reference
    if reference is None:
        raise UsageError("no registry to ask", where=image, remedy="leave --ask out, or name the image there")
    with open_registry(call, insecure=insecure) as registry:
        return request_keys(registry, reference, digest, key.recipient)
