# SPDX-License-Identifier: Apache-2.0
"""Chain of custody: who brought each file of an image, in which layer, and whether it is still as its maker made it."""
