# SPDX-License-Identifier: Apache-2.0
"""What verbs around encrypted images have in common: keys, and the way from one place to another."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import click

from tidegate.cli.call import Call

if TYPE_CHECKING:
    from tidegate.oci.destination import Destination
    from tidegate.oci.encryption.image import Outcome
    from tidegate.oci.encryption.keys import DecryptionKey
    from tidegate.oci.registry import RegistryClient
    from tidegate.oci.whole import Whole


def key_option(*names: str, help: str) -> Callable[[Callable[..., int]], Callable[..., int]]:  # noqa: A002 - click's word
    """Adds an option that names private keys; the verb gets them as `keys`."""
    return click.option(*names, "keys", multiple=True, metavar="FILE[:PASSWORD_FILE]", help=help)


def load_keys(texts: Sequence[str]) -> "tuple[DecryptionKey, ...]":
    """Reads the private keys that options named.

    Raises:
        TidegateError: a file is missing, readable by others, or holds none.
    """
    if not texts:
        return ()
    from tidegate.oci.encryption.keys import load_decryption_key

    return tuple(map(load_decryption_key, texts))


@contextmanager
def open_source(call: Call, source: str, *, insecure: bool) -> "Iterator[Whole]":
    """Opens an image with all its platforms; a guess is told.

    Raises:
        TidegateError: it is wrong, broken, or cannot be reached.
    """
    from tidegate.oci.target import parse_target
    from tidegate.oci.whole import open_whole

    wanted = parse_target(source)
    if wanted.guess:
        call.note(wanted.guess)
    with ExitStack() as stack:
        registry = stack.enter_context(open_registry(call, insecure=insecure)) if wanted.reference is not None else None
        yield stack.enter_context(open_whole(wanted, registry=registry))


@contextmanager
def open_both(call: Call, source: str, target: str, *, insecure: bool) -> "Iterator[tuple[Whole, Destination]]":
    """Opens the image to read and the place to write to.

    Raises:
        TidegateError: either is wrong, broken, or cannot be reached.
    """
    from tidegate.oci.destination import open_destination, parse_destination
    from tidegate.oci.push import Pusher

    where = parse_destination(target)
    if insecure:
        call.warn("--insecure: nobody vouches for what the registry is or says")
    with ExitStack() as stack:
        whole = stack.enter_context(open_source(call, source, insecure=insecure))
        pusher = None
        if where.reference is not None:
            pusher = Pusher(stack.enter_context(open_registry(call, insecure=insecure)), where.reference)
        yield whole, stack.enter_context(open_destination(where, pusher=pusher))


def tell(call: Call, made: "Outcome", what: str) -> None:
    """Says in one line what was done, and the new digest on standard output for a program."""
    parts = [f"{made.changed} {'layer' if made.changed == 1 else 'layers'} {what}"] if made.changed else []
    parts += [f"recipients of {made.rewrapped} changed"] if made.rewrapped else []
    call.note("; ".join(parts))
    click.echo(made.root.digest)


@contextmanager
def open_registry(call: Call, *, insecure: bool) -> "Iterator[RegistryClient]":
    """A client of registries, with the user's own credentials."""
    from tidegate.assembly.outward import build_outbound, build_registry_client

    settings = call.settings()
    with build_outbound(settings, insecure=insecure) as outbound:
        yield build_registry_client(settings, outbound)
