# SPDX-License-Identifier: Apache-2.0
"""Questions on everything at once, answered by what is on record: no image is opened, no scan is run."""
