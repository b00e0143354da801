# SPDX-License-Identifier: Apache-2.0
"""A cluster's own sensor: what runs in it is told, and what is ordered is done at its API server."""
