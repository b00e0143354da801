# SPDX-License-Identifier: Apache-2.0
"""Documents in YAML, JSON, TOML and XML: plain data within bounds."""
