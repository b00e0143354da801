# SPDX-License-Identifier: Apache-2.0
"""`tidegate build`."""

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import verb
from tidegate.cli.output import Output
from tidegate.errors import UsageError

if TYPE_CHECKING:
    from tidegate.builders import Secret
    from tidegate.development.build.request import Built
    from tidegate.oci.destination import DestinationName

_FILE: Final = click.Path(path_type=Path)
_EPOCH_DIGITS: Final = 10
_BUILDERS: Final = ("buildah", "podman", "buildkit")


@verb(
    "build",
    examples=(
        ("tidegate build . -o oci:./image --key release.key:pass.txt", "an image, its provenance and SBOM, signed"),
        ("tidegate build . --push registry.example/team/app:1 --key release.key:pass.txt", "the same, in a registry"),
        ("tidegate build . -o oci:./image --hermetic --twice", "RUN without network; twice, and the same both times?"),
        ("tidegate build . -o oci:./image --base debian:12=oci:./debian", "a base from this disk"),
        ("tidegate build . -o oci:./image --secret id=npm,src=npmrc", "for RUN --mount=type=secret,id=npm"),
    ),
)
@click.argument("context", type=_FILE, default=Path())
@click.option("-o", "--output", "destination", metavar="IMAGE", help="oci:DIR[:TAG] or oci-archive:FILE[:TAG].")
@click.option("--push", metavar="REFERENCE", help="Into a registry, with all that hangs on it.")
@click.option("--tag", metavar="TAG", help="Name in the layout or archive. [latest]")
@click.option("-f", "--file", "dockerfile", type=_FILE, metavar="FILE", help="[Dockerfile, or Containerfile]")
@click.option("--with", "wanted", type=click.Choice(_BUILDERS), help="Builder. [the first that is there]")
@click.option("--target", default="", metavar="STAGE", help="Stage to stop at. [the last]")
@click.option("--build-arg", "arguments", multiple=True, metavar="NAME=VALUE", help="Value of an ARG.")
@click.option("--secret", "secrets", multiple=True, metavar="id=ID,src=FILE", help="A file RUN may read; in no layer.")
@click.option("--ssh", multiple=True, metavar="default|ID=SOCKET", help="Agent for RUN --mount=type=ssh.")
@click.option("--base", "bases", multiple=True, metavar="NAME=IMAGE", help="Take this FROM from here.")
@click.option("--platform", default="", metavar="OS/ARCH", help="What to build for. [this machine's]")
@click.option("--network", type=click.Choice(("host", "none")), help="Of RUN. [as the builder does untold]")
@click.option("--hermetic", is_flag=True, help="RUN without network, bases by digest, nothing fetched by ADD.")
@click.option("--twice", is_flag=True, help="Build again from clean; exit 1 when it is not the same to the byte.")
@click.option(
    "--source-date",
    envvar="SOURCE_DATE_EPOCH",
    metavar="MOMENT",
    help="The image's moment: RFC 3339, or seconds since 1970. [SOURCE_DATE_EPOCH, or the commit's]",
)
@click.option("--compression", type=click.Choice(("gzip", "zstd")), default="gzip", show_default=True)
@click.option("--key", metavar="KEY", help="Private key, as of `tidegate sign`: signs image, provenance and SBOM.")
@click.option("--builder-id", metavar="URI", help="Who builds, in provenance. [a local builder, SLSA Build L1]")
@click.option("--evidence", type=_FILE, metavar="DIR", help="Keep log, provenance and bills of materials there.")
@click.option("--timeout", type=click.FloatRange(1, 86400), default=3600, show_default=True, metavar="SECONDS")
@click.option("--insecure", is_flag=True, help="Registry without TLS, or without checking it.")
@click.option("--format", "form", type=click.Choice(("table", "json")), default="table", show_default=True)
def command(
    call: Call,
    *,
    context: Path,
    destination: str | None,
    push: str | None,
    tag: str | None,
    dockerfile: Path | None,
    wanted: str | None,
    target: str,
    arguments: tuple[str, ...],
    secrets: tuple[str, ...],
    ssh: tuple[str, ...],
    bases: tuple[str, ...],
    platform: str,
    network: str | None,
    hermetic: bool,
    twice: bool,
    source_date: str | None,
    compression: str,
    key: str | None,
    builder_id: str | None,
    evidence: Path | None,
    timeout: float,
    insecure: bool,
    form: str,
) -> int:
    """Build an image of a Dockerfile in CONTEXT, reproducibly, and tell what went into it.

    buildah, podman or BuildKit does the work, in a store of its own that is empty before and deleted after. Bases are
    resolved to a digest before. The image is made again without what changes from day to day; SLSA provenance v1 and
    a CycloneDX bill of materials, with the stages it was made by, are signed with --key and hang on it.

    A build on your own machine is SLSA Build L1: provenance exists, and whoever builds could forge it.
    """
    from tidegate.artifact import Platform
    from tidegate.assembly.building import built_image, copy_built
    from tidegate.builders import BuilderName
    from tidegate.cli.build_page import build_page, build_result
    from tidegate.cli.page import write_page
    from tidegate.cli.progress import ProgressLine
    from tidegate.development.build.provenance import LOCAL_BUILDER
    from tidegate.development.build.request import BuildRequest
    from tidegate.oci.choose import host_platform
    from tidegate.oci.layer_builder import Compression

    if hermetic and network == "host":
        raise UsageError("a hermetic build has no network", where="--network host", remedy="leave one of the two out")
    places = _places(destination, push, tag)
    request = BuildRequest(
        context=_folder(context),
        dockerfile=dockerfile or _dockerfile(context),
        platform=Platform.parse(platform) if platform else host_platform(),
        target=target,
        arguments=_pairs(arguments, "--build-arg", "NAME=VALUE"),
        secrets=_secrets(secrets),
        ssh=ssh,
        network=network or "",
        is_hermetic=hermetic,
        epoch=_epoch(source_date),
        twice=twice,
        compression=Compression(compression),
        builder=builder_id or LOCAL_BUILDER,
        timeout_seconds=timeout,
    )
    settings = call.settings()
    given = _pairs(bases, "--base", "NAME=IMAGE")
    with (
        _ended_like_an_interrupt(),
        ProgressLine(shown=call.shows_progress) as line,
        built_image(
            settings,
            request,
            wanted=BuilderName(wanted) if wanted else None,
            given=given,
            insecure=insecure,
            tell=line.tell,
        ) as built,
    ):
        for note in built.notes:
            call.warn(note)
        if evidence is not None:
            _keep(evidence, built)
        for place in places:
            line.tell(f"writing {place.text}")
            copy_built(settings, built, place, insecure=insecure)
            if key is not None:
                _sign(call, place, built, key, insecure=insecure)
        if key is None:
            call.warn("nothing is signed: name a key with --key, and provenance and SBOM hang on the image")
        result = build_result(built, request, [place.text for place in places], is_signed=key is not None)
    output = Output(form=form)
    if form == "json":
        output.write_json(result)
    else:
        write_page(output, build_page(result, built.comparison), colour=settings.colour)
    return 1 if built.comparison is not None and not built.comparison.is_same else 0


def _places(destination: str | None, push: str | None, tag: str | None) -> "list[DestinationName]":
    from tidegate.oci.destination import parse_destination
    from tidegate.values import replace

    found = []
    if destination:
        place = parse_destination(destination)
        if place.reference is not None:
            raise UsageError("is written to by --push", where=destination, remedy="say --push REFERENCE")
        found.append(replace(place, tag=tag) if tag else place)
    if push:
        found.append(parse_destination(f"registry:{push}"))
    if not found:
        raise UsageError("where shall the image go?", remedy="say -o oci:DIR, -o oci-archive:FILE or --push REFERENCE")
    return found


def _sign(call: Call, place: "DestinationName", built: "Built", key: str, *, insecure: bool) -> None:
    from tidegate.cli.signing_options import Signing, open_making
    from tidegate.evidence.statement import PROVENANCE, SBOM
    from tidegate.verification.making import attest_image, sign_image

    digest = built.descriptor.digest
    signing = Signing(
        key=key, scheme=None, certificate=None, chain=(), stored="bundle", annotations=(), recursive=False,
        insecure=insecure,
    )  # fmt: skip
    if place.reference is not None:
        name = f"registry:{place.reference.registry}/{place.reference.repository}@{digest}"
    elif place.is_archive:
        name = f"oci-archive:{place.path}:{place.tag}"
    else:
        name = f"oci:{place.path}@{digest}"
    with open_making(call, name, signing) as (making, opened, subjects):
        for subject in subjects:
            sign_image(making, subject, opened.reference)
            attest_image(making, subject, opened.reference, PROVENANCE, built.provenance)
            attest_image(making, subject, opened.reference, SBOM, built.sbom)


def _keep(folder: Path, built: "Built") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in built.documents.items():
        Output(form="json", file=folder / name).write_bytes(content)


def _folder(context: Path) -> Path:
    if not context.is_dir():
        raise UsageError("is no folder to build in", where=str(context))
    return context.resolve()


def _dockerfile(context: Path) -> Path:
    for name in ("Dockerfile", "Containerfile"):
        if (context / name).is_file():
            return context / name
    return context / "Dockerfile"


def _pairs(texts: Sequence[str], where: str, form: str) -> dict[str, str]:
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise UsageError(f"{name[:80]!r} says no value", where=where, remedy=f"write {form}")
        found[name] = value
    return found


def _secrets(texts: Sequence[str]) -> "tuple[Secret, ...]":
    from tidegate.builders import Secret

    found = []
    for text in texts:
        told = dict(part.partition("=")[::2] for part in text.split(","))
        path = told.get("src") or told.get("source")
        if not told.get("id") or not path:
            raise UsageError("is no secret", where="--secret", remedy="write id=ID,src=FILE")
        found.append(Secret(id=told["id"], path=Path(path).resolve()))
    return tuple(found)


def _epoch(text: str | None) -> int | None:
    from tidegate.clock import parse_rfc3339

    if not text:
        return None
    return int(text) if text.isdecimal() and len(text) <= _EPOCH_DIGITS else int(parse_rfc3339(text).timestamp())


@contextmanager
def _ended_like_an_interrupt() -> Iterator[None]:
    """SIGTERM ends a build as Ctrl-C does: the builder's processes, mounts and folders go first."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
