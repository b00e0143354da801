# SPDX-License-Identifier: Apache-2.0
"""The management API: one file a noun; described at /api/v1/openapi.json."""
