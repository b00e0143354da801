# SPDX-License-Identifier: Apache-2.0
"""The append-only Merkle log of every statement and decision."""
