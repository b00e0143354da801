# SPDX-License-Identifier: Apache-2.0
"""Whose signatures count, for what, and from when until when: by the place a statement has in the ledger."""
