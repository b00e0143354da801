# SPDX-License-Identifier: Apache-2.0
"""Principals, tokens, grants."""
