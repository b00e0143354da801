# SPDX-License-Identifier: Apache-2.0
"""The gate, the act: gather evidence, decide, record, publish."""
