# SPDX-License-Identifier: Apache-2.0
"""How images go out to those who use them: promoted, found in the catalogue, and told of when something changes."""
