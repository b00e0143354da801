# SPDX-License-Identifier: Apache-2.0
"""tidegate: one chain of evidence per image digest."""

__all__ = ["__version__"]

__version__ = "0.1.0"
