# SPDX-License-Identifier: Apache-2.0
"""The bounds of the analysis, in one place: layers are hostile input."""

from tidegate.bounds import GIB, MIB
from tidegate.values import Struct


class ScanLimits(Struct, frozen=True, kw_only=True):
    """What a layer may cost; over one of these is a `BoundExceededError` that names it.

    Output is bounded twice: by `max_unpacked_bytes`, and by `ratio_free_bytes + max_ratio x compressed bytes`. The
    ratio alone cannot tell a bomb from a zero-filled file (DEFLATE reaches 1032:1 on either, zstd 30000:1), so the
    first gibibyte is free: a preallocated file of that size passes under any compression, a larger one passes as soon
    as half a percent of its layer is real content, and a bomb stops after about a second of work.

    Attributes:
        max_entries: tar entries of one layer, extended headers included.
        max_path_bytes: one path, normalised.
        max_path_depth: parts of one path.
        max_link_bytes: the target of one link.
        max_marks: links, whiteouts and opaque folders of one layer.
        max_mark_bytes: their names and targets together.
        max_tree_bytes: the packed tree of one layer, digests included.
        max_wanted_files: files of one layer that catalogers are given.
        max_secrets: secrets of one layer.
        max_header_bytes: one extended header (pax records, GNU long name).
        max_sparse_regions: data regions of one sparse file.
        max_unpacked_bytes: the tar stream of one layer.
        max_ratio: unpacked to packed bytes, once `ratio_free_bytes` are used up.
        ratio_free_bytes: unpacked bytes of one layer that may come out of nothing.
        max_window_bytes: memory one zstd frame may ask for.
        max_secret_file_bytes: a larger file is hashed and searched piece by piece; by a scanner that cannot do so only
            its beginning, and text leaves an outcome.
        max_hole_bytes: zeros of one layer's sparse files that are read as such; files over it leave an outcome.
        max_followed_links: wanted names of one image read a second time because they are links.
    """

    max_entries: int = 5_000_000
    max_path_bytes: int = 4096
    max_path_depth: int = 256
    max_link_bytes: int = 4096
    max_marks: int = 500_000
    max_mark_bytes: int = 64 * MIB
    max_tree_bytes: int = 192 * MIB
    max_wanted_files: int = 200_000
    max_secrets: int = 100_000
    max_header_bytes: int = MIB
    max_sparse_regions: int = 65_536
    max_unpacked_bytes: int = 64 * GIB
    max_ratio: int = 200
    ratio_free_bytes: int = GIB
    max_window_bytes: int = 64 * MIB
    max_secret_file_bytes: int = 8 * MIB
    max_hole_bytes: int = GIB
    max_followed_links: int = 10_000
