# SPDX-License-Identifier: Apache-2.0
"""A build as evidence: what goes in, what came out, and whether it comes out the same again."""
