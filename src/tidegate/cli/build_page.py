# SPDX-License-Identifier: Apache-2.0
"""What came of a build, as a page for people and as one value for programs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from tidegate.cli.page import Line, Style, piece
from tidegate.development.build.comparing import BuildComparison
from tidegate.development.build.provenance import LOCAL_BUILDER
from tidegate.development.build.request import BuildRequest, Built
from tidegate.wire import to_builtins

_FEW: Final = 12


def build_result(built: Built, request: BuildRequest, places: Sequence[str], *, is_signed: bool) -> Mapping[str, Any]:
    """The value `--format json` writes."""
    from tidegate.artifact import Digest

    return {
        "image": built.descriptor.digest,
        "platform": str(request.platform),
        "written": list(places),
        "layers": to_builtins(built.layers),
        "bases": [
            one for one in built.provenance["buildDefinition"]["resolvedDependencies"]
            if one.get("annotations", {}).get("kind") == "base image"
        ],
        "stages": list(built.stages),
        "hermetic": request.is_hermetic,
        "builder": built.provenance["runDetails"]["builder"],
        "slsa_build_level": _level(request, is_signed=is_signed),
        "signed": is_signed,
        "documents": {name: Digest.of(content) for name, content in sorted(built.documents.items())},
        "normalised": to_builtins(built.changes),
        "comparison": to_builtins(built.comparison) if built.comparison else None,
        "notes": list(built.notes),
    }  # fmt: skip


def build_page(result: Mapping[str, Any], comparison: BuildComparison | None) -> Iterator[Line]:
    """Lines for people."""
    yield (piece("built ", Style.GOOD), piece(result["image"], Style.TITLE), piece(f"  {result['platform']}"))
    for place in result["written"]:
        yield (piece(f"  in {place}"),)
    for base in result["bases"]:
        yield (piece(f"  base {base['name']}"), piece(f"  {next(iter(base['digest'].items()))[1][:12]}", Style.FAINT))
    for layer in result["layers"]:
        maker = layer["maker"]
        where = f"line {maker['line']}: " if maker["line"] else ""
        yield (
            piece(f"  layer {layer['digest'][7:19]} {layer['size']:>11}  "),
            piece(f"{where}{maker['instruction']}"[:90], Style.FAINT),
        )
    if result["stages"]:
        yield (piece(f"  made by stages {', '.join(result['stages'])}, each with its bill of materials"),)
    signed = "signed: image, provenance, SBOM" if result["signed"] else "not signed"
    yield (piece(f"  {signed}"), piece(f"  SLSA Build {result['slsa_build_level']}", Style.FAINT))
    if comparison is not None:
        yield from comparison_page(comparison)


def comparison_page(comparison: BuildComparison) -> Iterator[Line]:
    """What a second build shows."""
    if comparison.is_same:
        yield (piece("  the same to the last byte when built again", Style.GOOD),)
        return
    yield (piece(f"  not the same when built again: {comparison.second}", Style.BAD),)
    if comparison.shape:
        yield (piece(f"    {comparison.shape}"),)
    for key in comparison.configuration:
        yield (piece(f"    configuration: {key}"),)
    for layer in comparison.layers:
        where = f"line {layer.maker.line}: " if layer.maker.line else ""
        yield (piece(f"    layer {layer.number}, {where}{layer.maker.instruction}"[:140], Style.TITLE),)
        if layer.order:
            yield (piece("      the same entries in another order"),)
        for file in layer.files[:_FEW]:
            told = ", ".join(file.aspects) + (f" ({file.cause})" if file.cause else "")
            yield (piece(f"      {file.path}: {told}"),)
        if layer.count > _FEW:
            yield (piece(f"      and {layer.count - _FEW} more", Style.FAINT),)
        for cause in dict.fromkeys(file.cause for file in layer.files if file.cause):
            yield (piece(f"      {cause}: {cause.remedy}", Style.NOTE),)


def _level(request: BuildRequest, *, is_signed: bool) -> str:
    """What may be said of a build here; more than L1 is for who knows the builder to say."""
    if request.builder != LOCAL_BUILDER:
        return "as whoever trusts this builder's identity says"
    return "L1" if is_signed else "L1, unsigned"
