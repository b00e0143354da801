# SPDX-License-Identifier: Apache-2.0
"""Owners are told what was refused or recalled of theirs: once, with the fix and its proof, until it is mended."""
