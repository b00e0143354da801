# SPDX-License-Identifier: Apache-2.0
"""Secrets in an image's configuration, found once per configuration and scanner version, kept like those of a layer."""

import hashlib

from tidegate.artifact import Digest
from tidegate.inventory import LayerFacts, LocatedSecret
from tidegate.oci.image import Image
from tidegate.scan.analyser import Analyser


def config_secrets(image: Image, analyser: Analyser) -> tuple[LocatedSecret, ...]:
    """The secrets in the configuration; they lie in no layer, so the image's own digest stands for one.

    Raises:
        OutsideError: the store cannot be written.
    """
    if not analyser.parts.secrets:
        return ()
    digest = Digest(f"sha256:{hashlib.sha256(image.config_bytes).hexdigest()}")
    version = f"config 1 {analyser.secrets.version}"
    facts = analyser.store.layer(digest, version) if analyser.store is not None else None
    if facts is None:
        facts = _found(image, analyser, digest, version)
        if analyser.store is not None:
            analyser.store.keep_layer(facts)
    return tuple(LocatedSecret(secret=secret, layer=image.digest) for secret in facts.secrets)


def _found(image: Image, analyser: Analyser, digest: Digest, version: str) -> LayerFacts:
    from tidegate.scan.secrets.image_config import secrets_in_config  # a configuration that is known needs none of it

    return LayerFacts(
        analyser=version,
        digest=digest,
        diff_id=digest,
        size=len(image.config_bytes),
        entries=0,
        secrets=tuple(secrets_in_config(image.config, image.config_bytes, analyser.secrets)),
    )
