# SPDX-License-Identifier: Apache-2.0
"""A verification summary that somebody else made (SLSA VSA v1): what a verifier found, by which policy."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from tidegate.evidence.predicates.bounded import Name, Names, Word
from tidegate.values import Struct
from tidegate.wire import from_builtins


class SummaryResult(StrEnum):
    """The specification's verificationResult."""

    PASSED = "PASSED"
    FAILED = "FAILED"


class Verifier(Struct, frozen=True, kw_only=True):
    """Who verified, by URI."""

    id: Name


class SummaryPolicy(Struct, frozen=True, kw_only=True):
    """By which policy."""

    uri: Word | None = ""


class Summary(Struct, frozen=True, kw_only=True, rename="camel"):
    """A summary; `verified_levels` as the verifier names them, such as `SLSA_BUILD_LEVEL_3`."""

    verifier: Verifier
    resource_uri: Name
    policy: SummaryPolicy
    verification_result: SummaryResult
    verified_levels: Names
    time_verified: Word | None = ""
    slsa_version: Word | None = ""


def read_summary(predicate: Mapping[str, Any], *, where: str) -> Summary:
    """Reads a summary.

    Raises:
        InvalidInputError: it is none.
    """
    return from_builtins(predicate, Summary, what=where)
