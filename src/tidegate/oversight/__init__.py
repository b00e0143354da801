# SPDX-License-Identifier: Apache-2.0
"""Across the tiers: the passport of a digest."""
