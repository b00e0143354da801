# SPDX-License-Identifier: Apache-2.0
"""Facts joined with knowledge: one scan report per image; judges nothing."""
