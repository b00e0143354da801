# SPDX-License-Identifier: Apache-2.0
"""The act: bases fetched, built from clean, made reproducible, built again where wanted, and told of."""

import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from tidegate.artifact import Digest
from tidegate.bounds import MIB, read_bounded
from tidegate.builders.order import BuildOrder, BuiltStages
from tidegate.builders.program import BuildFailedError
from tidegate.checks.dockerfile import MAX_BYTES, parse_dockerfile
from tidegate.development.build.added import fetched_urls
from tidegate.development.build.again import compare_images
from tidegate.development.build.attributed import makers_of
from tidegate.development.build.bases import FetchedBase, fetch_bases, kept_layers
from tidegate.development.build.formulation import StageInventory, sbom_with_stages, stage_sbom
from tidegate.development.build.materials import Materials, materials_of
from tidegate.development.build.pinned import pinned_dockerfile
from tidegate.development.build.provenance import BuildFacts, provenance_of
from tidegate.development.build.request import BuildRequest, Built, BuiltLayerLine, Tools
from tidegate.development.build.stages import Plan, plan_of
from tidegate.development.build.withheld import (
    Withheld,
    demand_absent,
    demand_absent_in_layer,
    is_secret_argument,
    withheld_words,
)
from tidegate.errors import NotFoundError, OutsideError, RefusedError
from tidegate.oci.image import Image
from tidegate.oci.layout import open_layout
from tidegate.oci.reproducible import ReproducibleImage, make_reproducible
from tidegate.values import Struct
from tidegate.wire import to_json

MAX_LOG_BYTES: Final = 256 * MIB
_EPOCH_ARGUMENT: Final = "SOURCE_DATE_EPOCH"


def build_image(request: BuildRequest, tools: Tools, workspace: Path) -> Built:
    """Builds an image.

    Args:
        request: what is asked for.
        tools: what it needs of the house.
        workspace: an empty folder; what is handed back lies in it.

    Raises:
        InvalidInputError: the Dockerfile is wrong; says the line.
        RefusedError: a secret came out with the image, or a hermetic build would fetch something.
        OutsideError: the builder failed; says the line of the Dockerfile where it is known.
        TidegateError: a base cannot be had.
    """
    started, until = tools.clock(), time.monotonic() + request.timeout_seconds
    raw = _dockerfile(request.dockerfile)
    where = str(request.dockerfile)
    plan = plan_of(
        parse_dockerfile(raw, where=where),
        target=request.target,
        arguments=request.arguments,
        platform=request.platform,
        where=where,
    )
    if request.is_hermetic:
        _demand_hermetic(plan, where)
    words = withheld_words(request.secrets, request.arguments)
    materials = materials_of(request.context, request.dockerfile)
    epoch = request.epoch if request.epoch is not None else materials.commit.made_at if materials.commit else 0
    bases = fetch_bases(plan, tools, workspace)
    pinned = workspace / "Dockerfile"
    pinned.write_bytes(pinned_dockerfile(raw, plan, {one.used.name: one.layout.alias for one in bases}))
    order = _order(request, bases, pinned, epoch)
    log = workspace / "build.log"
    once = _Once(tools, order, plan, bases, log, words, where, lambda: until - time.monotonic(), request, materials)
    version, built, made, image = once.run(workspace / "first", stages=True)
    for one in image.layers:
        if words and one.diff_id in {change.diff_id for change in made.changes}:
            demand_absent_in_layer(words, one, where=one.descriptor.digest.short)
    demand_absent(words, image.config_bytes, where="the image's configuration")
    comparison = None
    makers = makers_of(image.config, once.base_steps, plan.chain(plan.final))
    if request.twice:
        tools.tell("building again from clean")
        _, _, second, _ = once.run(workspace / "second", stages=False)
        comparison = compare_images(made, workspace / "first" / "out", second, workspace / "second" / "out", makers)
    stages = tuple(_stage_inventories(built, plan, tools))
    inventory = tools.scan(image)
    used = tuple(one.used for one in bases)
    sbom = sbom_with_stages(inventory, stages, used)
    documents = {f"sbom.stage-{one.name}.cdx.json": to_json(stage_sbom(inventory, one)) for one in stages}
    documents["sbom.cdx.json"] = to_json(sbom)
    documents["build.log"] = _log(log)
    if comparison is not None:
        documents["comparison.json"] = to_json(comparison)
    facts = BuildFacts(
        materials=materials,
        bases=used,
        fetched=fetched_urls(plan, image, makers),
        target=request.target,
        platform=str(request.platform),
        arguments={name: value for name, value in request.arguments.items() if not is_secret_argument(name, value)},
        withheld=tuple(name for name, value in request.arguments.items() if is_secret_argument(name, value)),
        secrets=tuple(one.id for one in request.secrets),
        ssh=bool(request.ssh),
        network=order.network or "builder",
        is_hermetic=request.is_hermetic,
        epoch=epoch,
        builder=request.builder,
        tool=tools.name.value,
        tool_version=version,
        invocation=f"urn:uuid:{uuid.uuid4()}",
        started=started,
        finished=tools.clock(),
        byproducts={name: Digest.of(content) for name, content in documents.items()},
        again=comparison.second if comparison else None,
    )
    provenance = provenance_of(facts)
    documents["provenance.json"] = to_json(provenance)
    for name, document in documents.items():
        demand_absent(words, document, where=name)
    return Built(
        descriptor=made.descriptor,
        layout=workspace / "first" / "out",
        layers=tuple(
            BuiltLayerLine(digest=layer.digest, size=layer.size, diff_id=diff_id, maker=maker)
            for layer, diff_id, maker in zip(made.layers, made.diff_ids, makers, strict=True)
        ),
        changes=made.changes,
        provenance=provenance,
        sbom=sbom,
        documents=documents,
        stages=tuple(one.name for one in stages),
        comparison=comparison,
        notes=tuple(_notes(materials, request, built, plan)),
    )


class _Once(Struct, frozen=True):
    """One way through the builder, which can be gone twice."""

    tools: Tools
    order: BuildOrder
    plan: Plan
    bases: tuple[FetchedBase, ...]
    log: Path
    words: tuple[Withheld, ...]
    where: str
    left: Callable[[], float]
    request: BuildRequest
    materials: Materials

    @property
    def base_steps(self) -> int:
        """Entries of the history that are the base's."""
        stages = {one.number: one for one in self.plan.stages}
        stage = self.plan.final
        while stage.parent is not None:
            stage = stages[stage.parent]
        return next((one.steps for one in self.bases if one.used.name == stage.base), 0)

    def run(self, folder: Path, *, stages: bool) -> tuple[str, BuiltStages, ReproducibleImage, Image]:
        folder.mkdir()
        builder = self.tools.open_builder(folder / "builder", self.log, self.left, tuple(it.word for it in self.words))
        version = builder.version()
        try:
            built = builder.build(self.order, stages=stages, tell=self.tools.tell)
        except BuildFailedError as error:
            raise _placed(error, self.plan, self.where) from error
        self.tools.tell("making it reproducible")
        made = make_reproducible(
            open_layout(built.image, name="image", wanted=self.request.platform),
            folder / "out",
            "built",
            epoch=self.order.epoch,
            kept=kept_layers(self.bases),
            annotations=self._annotations(),
            withheld=tuple(it.word.decode("utf-8", "replace") for it in self.words),
            compression=self.request.compression,
        )
        return version, built, made, open_layout(folder / "out", name="image", wanted=self.request.platform)

    def _annotations(self) -> Mapping[str, str]:
        """image-spec 1.1 `annotations.md`; of a folder with changes no commit is told."""
        found = {}
        commit = self.materials.commit
        if commit is not None and not commit.changed:
            found["org.opencontainers.image.revision"] = commit.commit
            if not commit.repository.startswith("file:"):
                found["org.opencontainers.image.source"] = commit.repository
        base = next((one.used for one in self.bases if one.used.name == self.plan.final.base), None)
        if base is not None:
            found["org.opencontainers.image.base.name"] = base.name
            found["org.opencontainers.image.base.digest"] = base.digest
        return found


def _order(request: BuildRequest, bases: Sequence[FetchedBase], pinned: Path, epoch: int) -> BuildOrder:
    beside = request.dockerfile.with_name(f"{request.dockerfile.name}.dockerignore")
    return BuildOrder(
        context=request.context,
        dockerfile=pinned,
        ignore_file=beside if beside.is_file() else None,
        bases=tuple(one.layout for one in bases),
        epoch=epoch,
        timeout_seconds=request.timeout_seconds,
        target=request.target,
        arguments={_EPOCH_ARGUMENT: str(epoch), **request.arguments},
        secrets=request.secrets,
        ssh=request.ssh,
        platform=str(request.platform),
        network="none" if request.is_hermetic else request.network,
    )


def _dockerfile(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return read_bounded(file, max_bytes=MAX_BYTES, what=str(path))
    except FileNotFoundError as error:
        raise NotFoundError("no such Dockerfile", where=str(path), remedy="name it with --file") from error
    except OSError as error:
        raise OutsideError(f"cannot be read: {error.strerror}", where=str(path)) from error


def _demand_hermetic(plan: Plan, where: str) -> None:
    for stage in plan.stages:
        for url, line in stage.urls:
            raise RefusedError(
                f"ADD fetches {url[:200]}, and a hermetic build fetches nothing",
                where=f"{where}:{line}",
                remedy="keep the file in the context, and COPY it",
            )


def _placed(error: BuildFailedError, plan: Plan, where: str) -> OutsideError:
    """The same, told by the line of the Dockerfile."""
    if error.step is not None:
        for stage in plan.stages:
            if stage.number == error.step.stage and error.step.number < len(stage.instructions):
                one = stage.instructions[error.step.number]
                shown = " ".join(one.text.split())[:120]
                return OutsideError(f"{one.keyword} {shown}: {error.what}", where=f"{where}:{one.line}")
    return OutsideError(error.what, where=error.where)


def _stage_inventories(built: BuiltStages, plan: Plan, tools: Tools) -> Iterator[StageInventory]:
    for stage in plan.stages[:-1]:
        if (layout := built.stages.get(stage.number)) is not None:
            image = open_layout(layout, name=f"stage {stage.title}")
            yield StageInventory(name=stage.title, inventory=tools.scan(image))


def _log(path: Path) -> bytes:
    with suppress(FileNotFoundError), path.open("rb") as file:
        return read_bounded(file, max_bytes=MAX_LOG_BYTES, what="the builder's log")
    return b""


def _notes(materials: Materials, request: BuildRequest, built: BuiltStages, plan: Plan) -> Iterator[str]:
    commit = materials.commit
    if commit is None:
        yield "the context is in no git repository: provenance names no commit"
        if request.epoch is None:
            yield "there is no commit to date the image by: it is dated 1970; say --source-date"
    elif commit.changed:
        yield f"{commit.changed} files are not as in the commit: provenance says dirty"
    missing = [one.title for one in plan.stages[:-1] if one.number not in built.stages]
    if missing:
        yield f"no bill of materials of stages {', '.join(missing)}: the builder does not show them"
