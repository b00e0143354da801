# SPDX-License-Identifier: Apache-2.0
"""Settings: a frozen tree of options, loaded once at the door."""
