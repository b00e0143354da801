# SPDX-License-Identifier: Apache-2.0
"""Forensic captures of containers on this node."""
