# SPDX-License-Identifier: Apache-2.0
"""The roster of forms a bill of materials is written in."""

from datetime import datetime
from importlib import import_module
from typing import Final

from tidegate.errors import UsageError
from tidegate.inventory import Inventory
from tidegate.values import Struct


class SbomForm(Struct, frozen=True, kw_only=True):
    """One form.

    Attributes:
        name: as `--format` has it.
        module: holds `function`; imported when it is used.
        function: takes an inventory, `made_at`, and `version` where there are several.
        versions: of the standard, newest last.
    """

    name: str
    module: str
    function: str
    versions: tuple[str, ...]


_CYCLONEDX: Final = ("1.4", "1.5", "1.6")
SBOM_FORMS: Final = (
    SbomForm(name="cyclonedx-json", module="cyclonedx", function="to_cyclonedx", versions=_CYCLONEDX),
    SbomForm(name="cyclonedx-xml", module="cyclonedx", function="to_cyclonedx_xml", versions=_CYCLONEDX),
    SbomForm(name="spdx-json", module="spdx", function="to_spdx", versions=("2.3",)),
    SbomForm(name="spdx-tag-value", module="spdx", function="to_spdx_tag_value", versions=("2.3",)),
)


def write_sbom(inventory: Inventory, form: str, *, version: str = "", made_at: datetime | None = None) -> bytes:
    """Writes an inventory.

    Args:
        inventory: what was found in one image.
        form: name of one of `SBOM_FORMS`.
        version: of its standard; "" takes the newest.
        made_at: stands as the document's moment; None takes the one the image names.

    Raises:
        BoundExceededError: too many components.
        UsageError: there is no such form or version.
    """
    chosen = next((one for one in SBOM_FORMS if one.name == form), None)
    if chosen is None:
        raise UsageError(f"no form {form!r}", remedy=f"choose of {', '.join(one.name for one in SBOM_FORMS)}")
    if version and version not in chosen.versions:
        raise UsageError(f"no version {version!r} of {form}", remedy=f"choose of {', '.join(chosen.versions)}")
    write = getattr(import_module(f"tidegate.sbom.{chosen.module}"), chosen.function)
    if len(chosen.versions) == 1:
        return write(inventory, made_at=made_at)  # type: ignore[no-any-return]  # as the roster says, by a test
    from tidegate.sbom.cyclonedx import SpecVersion

    spec = SpecVersion(version or chosen.versions[-1])
    return write(inventory, made_at=made_at, version=spec)  # type: ignore[no-any-return]  # likewise
