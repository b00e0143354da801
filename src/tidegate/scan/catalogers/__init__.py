# SPDX-License-Identifier: Apache-2.0
"""One file a package format; the roster is `tidegate.scan.roster`."""
