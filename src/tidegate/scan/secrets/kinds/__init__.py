# SPDX-License-Identifier: Apache-2.0
"""The kinds of secrets, as data: one table a family."""
