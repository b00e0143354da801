# SPDX-License-Identifier: Apache-2.0
"""The words that the data of events is made of, each with what it means."""

from typing import Annotated

from tidegate.values import msgspec

ADigest = Annotated[str, msgspec.Meta(pattern="^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$", description="A digest.")]
AnyDigest = Annotated[
    str, msgspec.Meta(pattern="^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})?$", description="A digest; empty for none.")
]
Envelope = Annotated[
    str,
    msgspec.Meta(
        pattern="^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})?$",
        description="Digest of the signed statement (a DSSE envelope in the ledger) that it rests on; empty for none.",
    ),
]
Moment = Annotated[str, msgspec.Meta(pattern="^[0-9]{4}-.*Z$", description="RFC 3339, in UTC.")]
AnyMoment = Annotated[str, msgspec.Meta(pattern="^([0-9]{4}-.*Z)?$", description="RFC 3339, in UTC; empty for none.")]
Who = Annotated[str, msgspec.Meta(description="The principal, or the part of tidegate, that did it.")]
Why = Annotated[str, msgspec.Meta(description="The reason, in one line.")]
Consumer = Annotated[str, msgspec.Meta(description="The principal that pulls.")]
Address = Annotated[str, msgspec.Meta(description="The network address it came from; empty when that is not known.")]
ARepository = Annotated[str, msgspec.Meta(description="A repository.")]
Repositories = Annotated[
    list[str], msgspec.Meta(description="Repositories that hold it; those the reader may not see are left out.")
]
Count = Annotated[int, msgspec.Meta(ge=0)]
Bytes = Annotated[int, msgspec.Meta(ge=0, description="Bytes.")]
AnId = Annotated[str, msgspec.Meta(min_length=1)]
Reasons = Annotated[list[str], msgspec.Meta(description="Why, a line each.")]
Images = Annotated[
    dict[str, str], msgspec.Meta(description="The digest of each container, by its name; empty for one not resolved.")
]
Owner = Annotated[str, msgspec.Meta(description="Who answers for it; empty when nobody is named.")]
