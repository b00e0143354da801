# SPDX-License-Identifier: Apache-2.0
"""Door: the command, one file a verb."""
