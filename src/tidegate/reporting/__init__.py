# SPDX-License-Identifier: Apache-2.0
"""What the sensors of nodes and clusters have in common: what waits for the server, how it gets there, its orders."""
