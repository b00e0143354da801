# SPDX-License-Identifier: Apache-2.0
"""Policies that come with tidegate."""

from importlib.resources import files
from importlib.resources.abc import Traversable

from tidegate.errors import NotFoundError
from tidegate.policy.document import load_policy
from tidegate.policy.rule import Policy
from tidegate.settings import PolicySettings


def profile_names() -> tuple[str, ...]:
    """The names of all profiles, sorted."""
    return tuple(sorted(item.name.removesuffix(".yaml") for item in _folder().iterdir() if item.name.endswith(".yaml")))


def profile_text(name: str = "default") -> str:
    """A profile's YAML, to start one's own from.

    Raises:
        NotFoundError: there is no such profile.
    """
    if name not in profile_names():
        raise NotFoundError(f"no profile {name[:80]!r}", remedy=f"known are {', '.join(profile_names())}")
    return (_folder() / f"{name}.yaml").read_text(encoding="utf-8")


def shipped_texts(policy: PolicySettings) -> dict[str, str]:
    """The profiles that settings name, by what errors call them; the default one where they name no policy at all.

    Raises:
        NotFoundError: there is no such profile.
    """
    names = policy.profiles or (() if policy.files else ("default",))
    return {f"the shipped profile {name}": profile_text(name) for name in names}


def load_profile(name: str = "default") -> Policy:
    """A profile, ready to decide by.

    Raises:
        NotFoundError: there is no such profile.
    """
    return load_policy(profile_text(name), file=f"profile {name}")


def _folder() -> Traversable:
    return files("tidegate.policy") / "profiles"
