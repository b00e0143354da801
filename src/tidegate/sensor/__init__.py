# SPDX-License-Identifier: Apache-2.0
"""The sensor: one per node, it sees what containers run, and refuses in the kernel what was not in their image."""
