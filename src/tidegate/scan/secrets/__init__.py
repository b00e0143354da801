# SPDX-License-Identifier: Apache-2.0
"""Secrets in files: rules as data, one automaton for all of them, and a second look at each hit."""
