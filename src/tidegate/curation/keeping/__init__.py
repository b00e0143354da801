# SPDX-License-Identifier: Apache-2.0
"""What is kept, for how long, and whole: retention, garbage collection, scrub and repair."""
