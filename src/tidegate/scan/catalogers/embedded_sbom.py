# SPDX-License-Identifier: Apache-2.0
"""Bills of materials among the files of an image: CycloneDX and SPDX 2, as `tidegate.sbom.reading` reads them.

What they name is a claim (`Basis.CLAIMED`): somebody says so. Bitnami ships one with every component, wheels may carry
theirs (PEP 770), builders leave theirs behind. A claim of what is known on a surer basis is dropped again when the
image's layers are laid over each other (`tidegate.scan.components`).
"""

from typing import Final

from tidegate.bounds import KIB, MIB
from tidegate.inventory import Basis, Component, FileFacts, Package
from tidegate.scan.cataloger import ImageFile, Wants
from tidegate.scan.catalogers.harvest import Harvest
from tidegate.scan.ecosystem import ecosystem_of

MAX_SBOM_BYTES: Final = 16 * MIB
"""Bytes of a bill of materials; read into memory it is several times as large."""
MAX_QUALIFIERS: Final = 20
"""Qualifiers of one package URL kept."""

_HEAD_BYTES: Final = 64 * KIB
_NAMES: Final = frozenset(
    {"bom.json", "bom.xml", "sbom.json", "sbom.xml", "cyclonedx.json", "cyclonedx.xml", "spdx.json"}
)
_ENDINGS: Final = tuple(
    f".{form}{ending}" for form in ("cdx", "bom", "sbom", "spdx", "cyclonedx") for ending in (".json", ".xml", "")
)


class EmbeddedSbomCataloger:
    """Reads bills of materials; a file of such a name that is none tells of nothing."""

    name = "embedded-sbom"
    version = 1
    wants = Wants(
        names=_NAMES,
        suffixes=frozenset({".json", ".xml", ".spdx", ".cdx", ".bom", ".sbom", ".cyclonedx"}),
        max_bytes=MAX_SBOM_BYTES,
    )

    def accepts(self, path: str) -> bool:
        """True for a name that people give to bills of materials, so not for every `.json` and `.xml`."""
        return path.endswith(_ENDINGS) or path.rpartition("/")[2] in _NAMES

    def catalog(self, file: ImageFile) -> FileFacts:
        """Reads one document.

        Raises:
            PartialError: some of its packages cannot be taken.
            InvalidInputError: it begins as a bill of materials, and cannot be read.
        """
        from tidegate.sbom.reading import looks_like_sbom, read_sbom  # few images have one: readers of XML and JSON

        harvest = Harvest(path=file.path, cataloger=self.name)
        if looks_like_sbom(file.content[:_HEAD_BYTES]):
            inventory = read_sbom(file.content, file.path, ecosystem_of=ecosystem_of)
            for package in dict.fromkeys(_claimed(component) for component in inventory.components):
                harvest.add(package)
            for outcome in inventory.outcomes:
                harvest.defect(outcome.reason)
        return harvest.facts()


def _claimed(component: Component) -> Package:
    namespace, distro = _distribution(component)
    qualifiers = sorted({**component.qualifiers, **distro}.items())
    return Package(
        kind=component.kind,
        name=component.name,
        version=component.version,
        source_name=component.source_name,
        source_version=component.source_version,
        architecture=component.architecture,
        licenses=component.licenses,
        namespace=namespace,
        modularity=component.modularity,
        scope=component.scope,
        basis=Basis.CLAIMED,
        checksums=component.checksums,
        deprecated=component.deprecated,
        supplier=component.supplier,
        qualifiers=tuple(qualifiers[:MAX_QUALIFIERS]),
    )


def _distribution(component: Component) -> tuple[str, dict[str, str]]:
    """Whose package it is and of which release, as the document says: the image around it may be of another."""
    from packageurl import PackageURL

    if not component.kind.is_of_distribution:
        return "", {}
    url = PackageURL.from_string(component.purl)
    distro = dict(url.qualifiers).get("distro", "")
    return url.namespace or "", {"distro": distro} if distro else {}
