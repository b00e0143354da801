# SPDX-License-Identifier: Apache-2.0
"""What the world knows: advisories, version orders, matching, exploited lists, support dates."""
