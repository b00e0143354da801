# SPDX-License-Identifier: Apache-2.0
"""State by technology: tables and migrations, blobs, durable work."""
