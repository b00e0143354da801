# SPDX-License-Identifier: Apache-2.0
"""The tier before the first gate: commits, tests and sources, and what can be said of them as evidence."""
