# SPDX-License-Identifier: Apache-2.0
"""What statements say, one file a kind: read into values with stated bounds. The table of all kinds is `kinds`.

Fields that are not known are passed over (in-toto: "unrecognized fields"); those that are known must be of their type.
"""
