# SPDX-License-Identifier: Apache-2.0
"""Keys in files, and signed statements in DSSE envelopes.

Import by module: `keys` (make, save, load), `envelope` (sign, verify). The libraries behind them take 0.2 s to import,
so nothing is imported here.
"""
