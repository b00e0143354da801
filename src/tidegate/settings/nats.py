# SPDX-License-Identifier: Apache-2.0
"""Settings of NATS JetStream: where events are told, and what is taken in from there."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tidegate.settings.leaf import Leaf


@dataclass(frozen=True, slots=True, kw_only=True)
class NatsSettings:
    """Which servers, as whom, and which streams."""

    servers: Annotated[
        tuple[str, ...],
        Leaf(
            meaning="NATS servers with JetStream, `nats://HOST:PORT` or `tls://HOST:PORT`, no credentials in it; empty "
            "uses none."
        ),
    ] = ()
    stream: Annotated[
        str, Leaf(meaning="Stream that events are told to, made where it is not there; empty tells nothing.")
    ] = "TIDEGATE"
    subject: Annotated[
        str,
        Leaf(meaning="What subjects of events begin with: `tidegate` gives `tidegate.curation.image.admitted`."),
    ] = "tidegate"
    keep_days: Annotated[
        int, Leaf(meaning="Days that a stream which is made here keeps an event.", low=1, high=3650)
    ] = 14
    take: Annotated[
        tuple[str, ...],
        Leaf(
            meaning="Streams that are taken in, `falco=STREAM` or `kubernetes=STREAM`, with `:SUBJECT` for a part of "
            "one: who may write there is believed as who may send observations."
        ),
    ] = ()
    credentials_file: Annotated[
        Path | None, Leaf(meaning="NATS credentials file (JWT and seed); empty shows none.")
    ] = None
    user: Annotated[str, Leaf(meaning="User name for servers that ask for one.")] = ""
    password_file: Annotated[Path | None, Leaf(meaning="File with that user's password.")] = None
    ca_file: Annotated[
        Path | None, Leaf(meaning="PEM file of authorities for `tls://`; empty trusts the system's.")
    ] = None
