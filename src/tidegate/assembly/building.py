# SPDX-License-Identifier: Apache-2.0
"""A build from settings: which builder, where bases come from, where it is done, and where the image goes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from tidegate.artifact import Descriptor, Manifest, Platform, Reference, parse_manifest
from tidegate.assembly.home import Home
from tidegate.assembly.outward import build_outbound, build_registry_client
from tidegate.assembly.scanner import build_scanner
from tidegate.builders import Builder, BuilderName
from tidegate.builders.found import find_builder, open_builder
from tidegate.builders.order import Tell
from tidegate.builders.program import Program
from tidegate.builders.workspace import open_workspace, short_folder
from tidegate.clock import system_clock
from tidegate.development.build.building import build_image
from tidegate.development.build.request import BuildRequest, Built, OpenedBase, Tools
from tidegate.errors import InvalidInputError, TidegateError
from tidegate.oci.destination import DestinationName, open_destination
from tidegate.oci.image import Image
from tidegate.oci.layout import LayoutBlobs
from tidegate.oci.open import open_target
from tidegate.oci.push import Pusher
from tidegate.oci.target import Scheme, Target, parse_target
from tidegate.scan.parts import ScanParts
from tidegate.settings import Settings

FAILED_LOG: Final = "failed-build.log"
"""In the home folder: what the builder said when a build failed last, secrets taken out."""


@contextmanager
def built_image(
    settings: Settings,
    request: BuildRequest,
    *,
    wanted: BuilderName | None,
    given: Mapping[str, str],
    insecure: bool,
    tell: Tell,
) -> Iterator[Built]:
    """Builds an image; leaving the block deletes all that was not copied elsewhere.

    Args:
        settings: name the home folder, proxies and logins.
        request: what is asked for.
        wanted: the builder; None for the first that is there.
        given: bases that are taken from elsewhere than their registry: a target by name.
        insecure: registries without TLS, or without checking it.
        tell: told what is done.

    Raises:
        TidegateError: as `build_image` has it; no builder, or no home folder.
    """
    name = find_builder(wanted)
    Home(folder=settings.home).make()
    with open_workspace(settings.home / "build") as workspace:
        scanner = build_scanner(settings, parts=ScanParts(secrets=False))

        def opened(base: str) -> "_OpenedBase":
            return _OpenedBase(settings, base, given.get(base, ""), request.platform, insecure=insecure)

        def builder(folder: Path, log: Path, left: Callable[[], float], words: tuple[bytes, ...]) -> Builder:
            program = Program(mark=workspace.name, log=log, deadline=left, withheld=words)
            return open_builder(name, folder, short_folder(workspace) / folder.parent.name, program)

        tools = Tools(name=name, open_builder=builder, open_base=opened, scan=scanner, clock=system_clock, tell=tell)
        try:
            built = build_image(request, tools, workspace)
        except TidegateError:
            _keep_log(workspace / "build.log", settings.home / FAILED_LOG)
            raise
        yield built


def _keep_log(log: Path, to: Path) -> None:
    with suppress(OSError):
        log.replace(to)


def copy_built(settings: Settings, built: Built, name: DestinationName, *, insecure: bool) -> None:
    """Copies an image to where it shall go.

    Raises:
        OutsideError: the disk or the registry failed.
    """
    blobs = LayoutBlobs(built.layout)
    with ExitStack() as stack:
        pusher = None
        if name.reference is not None:
            outbound = stack.enter_context(build_outbound(settings, insecure=insecure))
            pusher = Pusher(build_registry_client(settings, outbound), name.reference)
        to = stack.enter_context(open_destination(name, pusher=pusher))
        with blobs.manifest(built.descriptor) as source:
            raw = source.read()
        manifest = parse_manifest(raw)
        if not isinstance(manifest, Manifest):  # never: it was written here
            raise InvalidInputError("is no image", where=str(built.layout))
        parts: Sequence[Descriptor] = (*manifest.layers, manifest.config)
        for part in parts:
            if not to.holds(part):
                with blobs.open(part) as content:
                    to.take(content, algorithm=part.digest.algorithm)
        to.finish(to.put_manifest(raw, manifest.media_type))


class _OpenedBase:
    """An image a FROM names, opened: from where it was given, or else from its registry."""

    def __init__(self, settings: Settings, name: str, given: str, platform: Platform, *, insecure: bool) -> None:
        self._settings = settings
        self._insecure = insecure
        self._platform = platform
        self._target = (
            parse_target(given)
            if given
            else Target(text=f"registry:{name}", scheme=Scheme.REGISTRY, reference=Reference.parse(name))
        )
        self._source = given or f"oci://{Reference.parse(name)}"
        self._stack = ExitStack()

    def __enter__(self) -> OpenedBase:
        registry = None
        if self._target.reference is not None:
            outbound = self._stack.enter_context(build_outbound(self._settings, insecure=self._insecure))
            registry = build_registry_client(self._settings, outbound)
        image = self._stack.enter_context(open_target(self._target, platform=self._platform, registry=registry))
        if not isinstance(image, Image):
            raise InvalidInputError("is no image to build upon", where=self._target.text)
        return OpenedBase(image=image, source=self._source)

    def __exit__(self, *exc: object) -> None:
        self._stack.close()
