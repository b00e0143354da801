# SPDX-License-Identifier: Apache-2.0
"""Documents in YAML, JSON and TOML: plain data within bounds."""
