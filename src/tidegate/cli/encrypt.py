# SPDX-License-Identifier: Apache-2.0
"""`tidegate encrypt`."""

from typing import TYPE_CHECKING

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import verb
from tidegate.cli.encryption_options import key_option, load_keys, open_both, tell
from tidegate.errors import UsageError

if TYPE_CHECKING:
    from tidegate.artifact import Digest


@verb(
    "encrypt",
    examples=(
        ("tidegate encrypt oci:./image oci:./secret -r jwe:their.pem", "for the holder of one private key"),
        (
            "tidegate encrypt registry.example/app:1 registry:registry.example/secret/app:1 -r a.pem -r b.pem",
            "from registry to registry, for two",
        ),
        ("tidegate encrypt oci:./image oci:./secret -r a.pem --layer -1", "the topmost layer alone"),
        ("tidegate encrypt oci:./image oci:./secret -r a.pem --beyond debian:12", "what is not of the base image"),
        ("tidegate encrypt oci:./secret oci:./secret2 --key own.pem -r new.pem", "one more recipient, no new layer"),
    ),
)
@click.argument("image")
@click.argument("target")
@click.option(
    "-r", "--recipient", "recipients", multiple=True, metavar="jwe:FILE", help="Public key of one who may decrypt."
)
@click.option("--layer", "layers", type=int, multiple=True, metavar="N", help="Only these; 0 is the lowest. [all]")
@click.option("--beyond", metavar="IMAGE", help="Leave layers plain that this image has too.")
@key_option("--key", help="Private key of one recipient, where layers are encrypted already.")
@click.option("--anew", is_flag=True, help="Those who were recipients before shall not be.")
@click.option("--remove-recipient", "removed", multiple=True, metavar="jwe:FILE", help="Take a recipient out.")
@click.option("--insecure", is_flag=True, help="Registry without TLS, or without checking it.")
def command(
    call: Call,
    *,
    image: str,
    target: str,
    recipients: tuple[str, ...],
    layers: tuple[int, ...],
    beyond: str | None,
    keys: tuple[str, ...],
    anew: bool,
    removed: tuple[str, ...],
    insecure: bool,
) -> int:
    """Encrypt layers for named recipients, as ocicrypt does.

    IMAGE is oci:DIR[:NAME], oci-archive:FILE or registry:REFERENCE; TARGET is one of the same and may be new. skopeo,
    podman, buildah and containerd decrypt what comes of it with the private key (RSA or EC) of any recipient. An index
    is encrypted with all its platforms. The digest of the new image goes to standard output.

    A layer that is encrypted already is not encrypted again: its key is wrapped for more recipients (with --key of one
    of them), for others (--anew), or for fewer (--remove-recipient). Who had the key before may have kept it.
    """
    from tidegate.oci.encryption.image import Encryption, encrypt_image
    from tidegate.oci.encryption.keys import load_recipient

    if not recipients and (anew or not removed):
        raise UsageError("nobody could decrypt it", where=target, remedy="name a public key with --recipient")
    encryption = Encryption(
        recipients=tuple({one.kid: one for one in map(load_recipient, recipients)}.values()),
        layers=layers or None,
        plain=_layers_of(call, beyond, insecure=insecure) if beyond else frozenset(),
        keys=load_keys(keys),
        removed=frozenset(load_recipient(text).kid for text in removed),
        is_anew=anew,
    )
    with open_both(call, image, target, insecure=insecure) as (whole, to):
        made = encrypt_image(whole.root, whole.blobs, to, encryption)
        to.finish(made.root)
    tell(call, made, "encrypted")
    return 0


def _layers_of(call: Call, image: str, *, insecure: bool) -> "frozenset[Digest]":
    """The layers of all platforms of an image."""
    from tidegate.cli.encryption_options import open_source

    with open_source(call, image, insecure=insecure) as whole:
        return whole.layers()
