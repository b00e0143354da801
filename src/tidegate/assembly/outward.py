# SPDX-License-Identifier: Apache-2.0
"""What talks outward, from settings: HTTP calls and registries."""

from tidegate.oci.credentials import load_keyring
from tidegate.oci.registry import RegistryClient
from tidegate.outbound import Outbound, OutboundOptions
from tidegate.settings import Settings


def build_outbound(settings: Settings, *, insecure: bool = False) -> Outbound:
    """Makes HTTP calls as the settings say; close it, or use it in a `with`.

    Args:
        settings: limits, trust, proxy.
        insecure: plain HTTP to any host, and no check of certificates.
    """
    said = settings.outbound
    return Outbound(
        OutboundOptions(
            connect_timeout_s=said.connect_timeout_s,
            read_timeout_s=said.read_timeout_s,
            total_timeout_s=said.total_timeout_s,
            max_attempts=said.max_attempts,
            ca_file=said.ca_file,
            proxy=said.proxy,
            insecure=insecure,
        )
    )


def build_registry_client(settings: Settings, outbound: Outbound) -> RegistryClient:
    """Reads from registries, with the user's own credentials.

    Raises:
        InvalidInputError: the file of credentials is broken.
    """
    path = settings.outbound.credentials_file
    return RegistryClient(outbound, keyring=load_keyring(path) if path else None)
