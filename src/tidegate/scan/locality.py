# SPDX-License-Identifier: Apache-2.0
"""Whether a layer lies in files of this machine: then it may be opened twice at no cost, and by another process."""

from typing import Protocol, runtime_checkable

from tidegate.oci.image import Layer


@runtime_checkable
class Local(Protocol):
    """A `Layer` that knows where it lies.

    Attributes:
        is_local: each `open` reads files of this machine by descriptors and offsets of its own.
    """

    @property
    def is_local(self) -> bool:
        """True when it does."""
        ...


def is_local(layer: Layer) -> bool:
    """True when a layer says so of itself."""
    return isinstance(layer, Local) and layer.is_local
