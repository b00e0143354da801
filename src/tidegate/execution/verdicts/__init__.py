# SPDX-License-Identifier: Apache-2.0
"""Verdicts: what the execution gate says of images ahead of time, signed, so that clusters can ask nobody."""
