# SPDX-License-Identifier: Apache-2.0
"""What a key counts for, by the place of a statement in the ledger: properties, and one example of each way out."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import InvalidInputError
from tidegate.evidence import PROVENANCE, SBOM, SCAN, VSA, PredicateType
from tidegate.evidence.predicates.kinds import KINDS
from tidegate.signing.keys import SigningKey
from tidegate.trust.role import EVERY_ROLE, OF_OTHERS, TRUST_CHANGE, Role, parse_roles, role_of
from tidegate.trust.standing import KeyStanding, Origin, Trust
from tidegate.values import replace

KEY = SigningKey.generate().verifying
AT = datetime(2026, 6, 1, tzinfo=UTC)
TYPES = (VSA, SCAN, SBOM, PROVENANCE, TRUST_CHANGE, PredicateType("https://example.com/anything"))
MOMENTS = st.integers(-10, 10).map(lambda days: AT + timedelta(days=days))
STANDINGS = st.builds(
    KeyStanding,
    key=st.just(KEY),
    name=st.just("ci"),
    origin=st.just(Origin.ADDED),
    roles=st.frozensets(st.sampled_from(list(Role)), min_size=1),
    not_before=st.none() | MOMENTS,
    not_after=st.none() | MOMENTS,
    revoked_from=st.none() | st.integers(0, 20),
)


@given(STANDINGS, st.sampled_from(TYPES), st.integers(0, 20), MOMENTS, st.integers(0, 20))
def test_revoking_only_ever_takes_away(
    standing: KeyStanding, kind: PredicateType, index: int, at: datetime, from_entry: int
) -> None:
    earlier = min(from_entry, standing.revoked_from) if standing.revoked_from is not None else from_entry
    revoked = replace(standing, revoked_from=earlier)
    counts, still = (not one.objection(kind, index=index, at=at) for one in (standing, revoked))
    assert still == (counts and index < earlier)
    assert revoked.objection(kind, index=None, at=at), "a revoked key signs nothing new"


@given(STANDINGS, st.sampled_from(TYPES), st.integers(0, 20), MOMENTS)
def test_a_key_counts_only_inside_its_role_and_window(
    standing: KeyStanding, kind: PredicateType, index: int, at: datetime
) -> None:
    if not standing.objection(kind, index=index, at=at):
        assert role_of(kind) in standing.roles
        assert standing.not_before is None or standing.not_before <= at
        assert standing.not_after is None or at < standing.not_after
        assert standing.revoked_from is None or index < standing.revoked_from
    keys = Trust(standings={KEY.key_id: standing}).keys_for(kind, index=index, at=at)
    assert (KEY.key_id in keys.keys) == (not standing.objection(kind, index=index, at=at))


def test_keys_that_settings_name_change_no_trust() -> None:
    trust = Trust.always([KEY])
    assert not trust.standings[KEY.key_id].objection(VSA, index=0, at=AT)
    assert "role trust" in trust.standings[KEY.key_id].objection(TRUST_CHANGE, index=0, at=AT)
    assert {Role.TRUST} == EVERY_ROLE - OF_OTHERS


@pytest.mark.parametrize("texts", [(), ("decisions",), ("",)])
def test_roles_nobody_knows_are_told(texts: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInputError):
        parse_roles(texts)


def test_every_kind_has_a_role() -> None:
    assert [role_of(kind) for kind in TYPES] == [
        Role.DECISION,
        Role.SCAN,
        Role.SBOM,
        Role.PROVENANCE,
        Role.TRUST,
        Role.OTHER,
    ]
    for known in KINDS.values():
        assert {role_of(type_) for type_ in known.types}.isdisjoint({Role.OTHER, Role.TRUST}), known.name
