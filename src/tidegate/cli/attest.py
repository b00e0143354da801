# SPDX-License-Identifier: Apache-2.0
"""`tidegate attest`."""

from pathlib import Path
from typing import Any

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import verb
from tidegate.cli.signing_options import Signing, open_making, signing_options
from tidegate.errors import NotFoundError, OutsideError

_MAX_PREDICATE_BYTES = 96 << 20


@verb(
    "attest",
    examples=(
        ("tidegate attest registry.example/app:1 --key k.pem --type cyclonedx --predicate sbom.json", "what is in it"),
        ("tidegate attest oci:./image --key k.pem:pass.txt --type slsaprovenance1 --predicate p.json", "who built it"),
        (
            "tidegate attest oci:./image --key k.pem --type https://acme.example/review/v1 --predicate r.json",
            "your own",
        ),
    ),
)
@click.argument("image")
@click.option(
    "--type",
    "kind",
    required=True,
    metavar="TYPE",
    help="Predicate type: a URI, or cyclonedx, spdx, slsaprovenance1, openvex, vuln, …",
)
@click.option(
    "--predicate", type=click.Path(path_type=Path), required=True, metavar="FILE", help="What is said (JSON)."
)
@signing_options
def command(call: Call, *, image: str, kind: str, predicate: Path, signing: Signing) -> int:
    """Sign a statement about an IMAGE (in-toto Statement v1 in DSSE), so that cosign and tidegate verify it.

    It is stored as `tidegate sign` stores signatures. What an annotation says is no part of a statement: say it in the
    predicate.
    """
    from tidegate.evidence.short_types import predicate_type_of
    from tidegate.verification.making import attest_image

    predicate_type = predicate_type_of(kind)
    content = _read(predicate)
    with open_making(call, image, signing) as (making, opened, subjects):
        for subject in subjects:
            for digest in attest_image(making, subject, opened.reference, predicate_type, content):
                click.echo(digest)
            call.note(f"attested {predicate_type} of {subject.digest} by key {making.signer.verifying.key_id[:12]}")
    return 0


def _read(path: Path) -> dict[str, Any]:
    from tidegate.bounds import read_bounded
    from tidegate.wire import demand_unique_keys, from_json

    try:
        with path.open("rb") as file:
            raw = read_bounded(file, max_bytes=_MAX_PREDICATE_BYTES, what=str(path))
    except FileNotFoundError as error:
        raise NotFoundError("no such predicate", where=str(path)) from error
    except OSError as error:
        raise OutsideError(f"cannot be read: {error.strerror}", where=str(path)) from error
    found = from_json(raw, dict[str, Any], what=str(path), max_bytes=_MAX_PREDICATE_BYTES)
    demand_unique_keys(raw, what=str(path))
    return found
