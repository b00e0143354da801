# SPDX-License-Identifier: Apache-2.0
"""Encrypted copies of admitted images: made for recipients, and opened by keys that are released on conditions."""
