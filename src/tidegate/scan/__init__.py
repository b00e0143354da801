# SPDX-License-Identifier: Apache-2.0
"""Layers to facts: catalogers, secrets, and the analysis that drives them in one pass."""
