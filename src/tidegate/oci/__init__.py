# SPDX-License-Identifier: Apache-2.0
"""Images wherever they lie: layouts, archives, folders and registries, read and written."""
