# SPDX-License-Identifier: Apache-2.0
"""One revision of the tables a file."""
