# SPDX-License-Identifier: Apache-2.0
"""Git repositories as evidence: `objects` (commits and tags, byte for byte), `repository` (what is asked of one)."""
