# SPDX-License-Identifier: Apache-2.0
"""Programs as files: where their sections and segments lie, in ELF, PE and Mach-O. Reads headers, runs nothing."""

from tidegate.scan.executables.executable import Executable, Segment
from tidegate.scan.executables.reading import executables_of

__all__ = ["Executable", "Segment", "executables_of"]
