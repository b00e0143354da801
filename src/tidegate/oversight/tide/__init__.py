# SPDX-License-Identifier: Apache-2.0
"""A tide as one story: what one change moved, from its cause to the last that it led to."""
