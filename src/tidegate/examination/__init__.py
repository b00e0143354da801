# SPDX-License-Identifier: Apache-2.0
"""Facts joined with knowledge: one scan report per image; judges nothing."""

from tidegate.examination.examine import examine

__all__ = ["examine"]
