# SPDX-License-Identifier: Apache-2.0
"""The OCI distribution-spec 1.1 registry, an ASGI application for `/v2`."""

from tidegate.server.registry.routes import registry_app
from tidegate.server.registry.services import RegistryServices

__all__ = ["RegistryServices", "registry_app"]
