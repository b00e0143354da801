# SPDX-License-Identifier: Apache-2.0
"""What a cluster needs to run the webhook and to ask it, from settings."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tidegate.assembly.webhook import certificate_files, connect_rules, glass_key
from tidegate.clock import system_clock
from tidegate.errors import OutsideError, UsageError
from tidegate.execution.reviews.connect_rules import OF_OTHERS
from tidegate.execution.reviews.deployment import Deployment, deployment
from tidegate.execution.reviews.registration import FailurePolicy, Registration, configurations
from tidegate.settings import Settings
from tidegate.signing.keys import TrustedKeys


def webhook_manifests(
    settings: Settings,
    *,
    image: str | None,
    namespace: str,
    url: str,
    names: Sequence[str],
    with_secrets: bool,
    configuration: str,
) -> list[dict[str, Any]]:
    """The documents, in the order to apply them.

    Args:
        settings: certificate, exempt namespaces, key and server.
        image: of tidegate; None for no Deployment.
        namespace: of the webhook.
        url: where it is reached outside of the cluster; "" for its service.
        names: in the certificate, where one is made for a Deployment.
        with_secrets: the keys too.
        configuration: ConfigMaps and Secrets while nobody answers: `fail`, `ignore`; `off` has nothing asked of them.

    Raises:
        UsageError: a Deployment needs a server, and a key whose verdicts count.
        TidegateError: a file cannot be read or made.
    """
    if image is not None:
        settings = replace(settings, webhook=replace(settings.webhook, tls_names=tuple(names)))
    files = certificate_files(settings, system_clock)
    try:
        authority = files.authority.read_bytes()
        certificate, key = files.certificate.read_bytes(), files.key.read_bytes()
    except OSError as error:
        raise OutsideError(f"cannot be read: {error.strerror}", where=str(files.certificate)) from error
    said = Registration(
        authority=authority,
        namespace=namespace,
        url=url,
        exempt=settings.webhook.exempt_namespaces,
        acts=[act for act in OF_OTHERS if connect_rules(settings).speaks_of(act)],
        configuration=None if configuration == "off" else FailurePolicy[configuration.upper()],
    )
    documents: list[dict[str, Any]] = []
    if image is not None:
        if not settings.client.server or not settings.signing.trusted_keys:
            remedy = "give --server, and the server's public key as signing.trusted_keys"
            raise UsageError("a webhook needs a server, and a key whose verdicts count", remedy=remedy)
        keys = {"tls.crt": certificate, "tls.key": key, "glass.key": glass_key(settings.webhook.glass_key_file)}
        documents += deployment(
            Deployment(
                image=image,
                namespace=namespace,
                server=settings.client.server,
                public_keys="".join(
                    key.to_pem().decode() for key in TrustedKeys.load(settings.signing.trusted_keys).keys.values()
                ),
                settings={
                    "TIDEGATE_WEBHOOK_CLUSTER": settings.webhook.cluster,
                    "TIDEGATE_WEBHOOK_EXEMPT_NAMESPACES": ",".join(settings.webhook.exempt_namespaces),
                },
                secrets=keys if with_secrets else {},
            )
        )
    return [*documents, *configurations(said)]
