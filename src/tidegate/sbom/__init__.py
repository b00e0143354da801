# SPDX-License-Identifier: Apache-2.0
"""Bills of materials: an inventory in the forms others read."""

from tidegate.sbom.cyclonedx import cyclonedx_document, to_cyclonedx

__all__ = ["cyclonedx_document", "to_cyclonedx"]
