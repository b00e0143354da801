# SPDX-License-Identifier: Apache-2.0
"""The curation tier: the shelf of artifacts and their states, and the work between quarantine and verdict."""
