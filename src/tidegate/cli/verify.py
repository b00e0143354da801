# SPDX-License-Identifier: Apache-2.0
"""`tidegate verify`."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import verb
from tidegate.cli.output import Output, output_options
from tidegate.cli.trust_options import Trust, trust_options

if TYPE_CHECKING:
    from tidegate.cli.page import Line
    from tidegate.evidence.predicates.signatures import Verification

_FILE = click.Path(path_type=Path)
_KEYLESS = (
    "tidegate verify registry.example/app:1 --trusted-root trusted_root.json "
    "--certificate-identity-regexp 'https://github.com/acme/.*' "
    "--certificate-oidc-issuer https://token.actions.githubusercontent.com"
)
_CONDITION = (
    "tidegate verify registry.example/app:1 --key ci.pub --type slsaprovenance1 "
    "--condition 'predicate.runDetails.builder.id == \"https://ci.example\"'"
)


@verb(
    "verify",
    examples=(
        ("tidegate verify registry.example/app:1 --key release.pub", "signed by this key?"),
        ("tidegate verify oci:./image --key a.pub --key b.pub --threshold 2", "signed by both?"),
        (_KEYLESS, "signed without a key, and logged; no network but the registry"),
        (_CONDITION, "is there a statement of this kind, and does it say this?"),
        ("tidegate verify registry.example/app:1 --policy trust.yaml --format json", "all that a policy asks for"),
        ("tidegate verify --source . oci:./image --key builder.pub", "was it built from the commit that is here?"),
        ("tidegate verify --source . --commit v1.2 app.tar --accept claimed", "by its label and its files alone"),
    ),
)
@click.argument("image")
@trust_options
@click.option("--source", "folder", type=_FILE, metavar="DIR", help="Did it come from this repository? Nothing else.")
@click.option("--commit", default="", metavar="NAME", help="From this commit. [what is checked out, unchanged]")
@click.option("--provenance", type=_FILE, multiple=True, metavar="FILE", help="Provenance, beside what hangs on it.")
@click.option("--accept", type=click.Choice(("proved", "claimed")), default="proved", help="What is enough. [proved]")
@click.option("--platform", default="", metavar="OS/ARCH", help="Which image of an index, for --source.")
@output_options("table", "json")
def command(
    call: Call,
    *,
    image: str,
    trust: Trust,
    folder: Path | None,
    commit: str,
    provenance: tuple[Path, ...],
    accept: str,
    platform: str,
    output: Output,
) -> int:
    """Verify the signatures of an IMAGE. Exit status 1 when what is asked for does not hold.

    Signatures and attestations of cosign (under its tags, and as sigstore bundles), DSSE envelopes and signatures of
    the Notary Project (JWS, by certificate) are read. Each that counts for nothing says why. What is asked for is said
    by options, or by a trust policy (docs/reference/trust-policy.md).

    With --source it is asked whether the IMAGE came from a commit of a git repository, and nothing else. It is proved
    by provenance of somebody trusted that names the commit; its label (org.opencontainers.image.revision) and files
    of equal content are claims. A file that is another in the commit, a label or provenance that names another
    commit contradicts. Of a folder with changes nothing is proved.
    """
    if folder is not None:
        from tidegate.cli.verify_source import SourceAsked, verify_source

        asked = SourceAsked(
            image=image,
            folder=folder,
            commit=commit,
            policy=trust.policy(call.settings()) if trust.is_said(call.settings()) else None,
            provenance=provenance,
            accept=accept,
            platform=platform,
            insecure=trust.insecure,
        )
        return verify_source(call, output, asked)
    from tidegate.assembly.signing import verify_image
    from tidegate.clock import system_clock
    from tidegate.oci.target import parse_target

    settings = call.settings()
    policy = trust.policy(settings)
    target = parse_target(image)
    if target.guess:
        call.note(target.guess)
    found = verify_image(settings, policy, target, insecure=trust.insecure, at=system_clock())
    if output.form == "json":
        output.write_json(found)
    else:
        from tidegate.cli.page import write_page

        write_page(output, _page(found), colour=settings.colour)
    return 0 if found.verified else 1


def _page(found: "Verification") -> "Iterator[Line]":
    from tidegate.cli.page import Style, piece

    word = piece("verified", Style.GOOD) if found.verified else piece("not verified", Style.BAD)
    yield (word, piece(f"  {found.subject}  by {found.policy}"))
    for reason in found.reasons:
        yield (piece(f"  {reason}", Style.BAD),)
    for one in found.requirements:
        mark = piece("  ✔ ", Style.GOOD) if one.met else piece("  ✘ ", Style.BAD)
        who = f"  {', '.join(one.signers)}" if one.signers else ""
        yield (mark, piece(one.name, Style.TITLE), piece(who, Style.FAINT))
        for reason in one.reasons:
            yield (piece(f"      {reason}"),)
    for signature in found.signatures:
        mark = piece("  ✔ ", Style.GOOD) if signature.holds else piece("  ✘ ", Style.FAINT)
        yield (mark, piece(f"{signature.form or 'unread':<9}{signature.where}"), piece(f"  {signature.predicate_type}"))
        for voucher in signature.vouchers:
            when = f", {voucher.logged_at.isoformat()}" if voucher.logged_at else ""
            yield (piece(f"      {voucher.authority}: {voucher.who.strip()}{when}", Style.FAINT),)
        for reason in signature.reasons:
            yield (piece(f"      {reason}", Style.FAINT),)
