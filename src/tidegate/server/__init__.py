# SPDX-License-Identifier: Apache-2.0
"""Door: one ASGI application (registry, API, health, metrics)."""
