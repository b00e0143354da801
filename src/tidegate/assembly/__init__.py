# SPDX-License-Identifier: Apache-2.0
"""Builds everything from settings: the only place that names concrete classes."""
