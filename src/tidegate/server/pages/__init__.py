# SPDX-License-Identifier: Apache-2.0
"""Door: pages for people; whole without scripts, fonts or anything from elsewhere."""
