# SPDX-License-Identifier: Apache-2.0
"""How much of what others made is read while knowledge is built or fetched."""

from tidegate.bounds import GIB, MIB
from tidegate.values import Struct


class KnowledgeLimits(Struct, frozen=True, kw_only=True):
    """Bounds on the input of a build; over one is a BoundExceededError that names it.

    Attributes:
        max_ecosystems: folders under the root.
        max_zip_bytes: one `all.zip`.
        max_zip_entries: advisories in one `all.zip` or folder.
        max_zip_directory_bytes: the central directory of one `all.zip`.
        max_entry_bytes: one advisory, inflated.
        max_entry_ratio: inflated by compressed size of one advisory over 1 MiB.
        max_zip_total_bytes: all of one `all.zip`, inflated.
        max_rows_per_advisory: affected ranges and listed versions of one advisory.
        max_aliases: other names of one advisory, of each kind.
        max_document_bytes: kev.json, eol.json and the EPSS file, inflated.
        max_product_rows: release lines of products, by each of their names, and identifiers.
        max_package_files: files under `packages/`.
        max_package_statuses: deprecated, yanked and abandoned versions in all.
        max_named_skips: skipped entries a report names; the others are only counted.
    """

    max_ecosystems: int = 2_000
    max_zip_bytes: int = 4 * GIB
    max_zip_entries: int = 2_000_000
    max_zip_directory_bytes: int = 512 * MIB
    max_entry_bytes: int = 16 * MIB
    max_entry_ratio: int = 200
    max_zip_total_bytes: int = 32 * GIB
    max_rows_per_advisory: int = 200_000
    max_aliases: int = 2_000
    max_document_bytes: int = 256 * MIB
    max_product_rows: int = 1_000_000
    max_package_files: int = 200_000
    max_package_statuses: int = 2_000_000
    max_named_skips: int = 50
