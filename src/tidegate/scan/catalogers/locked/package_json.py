# SPDX-License-Identifier: Apache-2.0
"""What a project's `package.json` asks for, for lock files that do not tell themselves what is for development."""

from collections.abc import Mapping

from tidegate.errors import InvalidInputError
from tidegate.inventory import Scope
from tidegate.scan.catalogers.locked.json_form import Raw, decoded
from tidegate.values import Struct, field


class Asked(Struct, frozen=True):
    """Direct dependencies of one project, as name → range.

    Attributes:
        workspaces: present when further projects of the same sources share the lock file.
    """

    dependencies: dict[str, str] = field(default_factory=dict)
    optional: dict[str, str] = field(default_factory=dict, name="optionalDependencies")
    development: dict[str, str] = field(default_factory=dict, name="devDependencies")
    peer: dict[str, str] = field(default_factory=dict, name="peerDependencies")
    workspaces: Raw = Raw()

    @property
    def by_scope(self) -> Mapping[Scope, dict[str, str]]:
        """The same, strongest first; what is optional is no plain dependency even where it is written as both."""
        needed = {name: it for name, it in self.dependencies.items() if name not in self.optional}
        return {
            Scope.RUNTIME: {**self.peer, **needed},
            Scope.OPTIONAL: self.optional,
            Scope.DEVELOPMENT: self.development,
        }


def asked(content: bytes | None, *, where: str) -> Asked | None:
    """Reads a `package.json`; None when there is none or it cannot be read, which is its own reader's trouble."""
    if content is None:
        return None
    try:
        return decoded(content, Asked, where=where)
    except InvalidInputError:
        return None
