# SPDX-License-Identifier: Apache-2.0
"""Every reader of what others made. A new one is added to one of these families; a test finds the one forgotten."""

from functools import cache

from fuzz_catalogers import catalogers
from fuzz_development import development
from fuzz_documents import documents
from fuzz_encryption import encryption
from fuzz_execution import execution
from fuzz_identity import identity
from fuzz_images import images
from fuzz_knowledge import knowledge
from fuzz_ledger import ledger
from fuzz_node import node
from fuzz_parser import Parser
from fuzz_remote import remote
from fuzz_secrets import secrets
from fuzz_sensor import sensor
from fuzz_signing import signing
from fuzz_updates import updates
from fuzz_versions import lines


@cache
def parsers() -> tuple[Parser, ...]:
    """All of them, by family."""
    return (
        *catalogers(),
        *images(),
        *encryption(),
        *signing(),
        *development(),
        *ledger(),
        *identity(),
        *documents(),
        *execution(),
        *node(),
        *sensor(),
        *remote(),
        *secrets(),
        *knowledge(),
        *updates(),
        *lines(),
    )
