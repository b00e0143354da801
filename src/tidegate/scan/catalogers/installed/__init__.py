# SPDX-License-Identifier: Apache-2.0
"""Packages that a language's own package manager installed, and those of small distributions (opkg, pacman)."""
