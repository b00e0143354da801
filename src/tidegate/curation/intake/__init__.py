# SPDX-License-Identifier: Apache-2.0
"""Images come in from upstreams: asked for, fetched, kept to quarantine; lists, watched names and internal bases."""
