# SPDX-License-Identifier: Apache-2.0
"""Bills of materials: an inventory in the forms others read, and what others wrote as an inventory."""

from tidegate.sbom.cyclonedx import SpecVersion, cyclonedx_document, to_cyclonedx, to_cyclonedx_xml
from tidegate.sbom.forms import SBOM_FORMS, SbomForm, write_sbom
from tidegate.sbom.reading import looks_like_sbom, read_sbom

__all__ = [
    "SBOM_FORMS",
    "SbomForm",
    "SpecVersion",
    "cyclonedx_document",
    "looks_like_sbom",
    "read_sbom",
    "to_cyclonedx",
    "to_cyclonedx_xml",
    "write_sbom",
]
