# SPDX-License-Identifier: Apache-2.0
"""The execution tier: what may run, how, and where it runs."""
