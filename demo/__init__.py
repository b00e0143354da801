# SPDX-License-Identifier: Apache-2.0
"""The main job end to end: one real image through every gate, and back. Run it with `make demo`."""
