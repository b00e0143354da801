# SPDX-License-Identifier: Apache-2.0
"""Rules of one kind, managed: for the API, for a command over the record, and for a command that asks a server."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

from tidegate.assembly.importing import open_importing
from tidegate.assembly.intake import intake_rules
from tidegate.assembly.keeping import local_user, open_keeping, read_rules
from tidegate.assembly.remote import here_or_there
from tidegate.clock import Clock, rfc3339, system_clock
from tidegate.curation import rule_sets
from tidegate.curation.intake import file as intake_file
from tidegate.curation.keeping import rule_file
from tidegate.curation.rule_sets import RuleKind, RuleSet
from tidegate.curation.rules_in_force import RulesInForce
from tidegate.remote import RemoteServer
from tidegate.remote.server import quoted
from tidegate.settings import Settings
from tidegate.storage.database import Database
from tidegate.values import Struct

PATHS: Final = {RuleKind.INTAKE: "/intake/rules", RuleKind.KEEPING: "/retention/rules"}


class ListedSet(Struct, frozen=True, kw_only=True):
    """A set as lists show it.

    Attributes:
        rules: what it says, each by its kind and its name.
        replaces: those of them that a file says too: the set's is in force.
    """

    name: str
    version: int
    who: str
    why: str
    at: str
    rules: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()


class ListedSets(Struct, frozen=True, kw_only=True):
    """All sets, and what files say beneath them."""

    files: tuple[str, ...] = ()
    sets: tuple[ListedSet, ...] = ()


class RuleBook(Protocol):
    """What a command asks of the rules of one kind; raises as `tidegate.curation.rule_sets` does."""

    def listed(self) -> ListedSets:
        """All sets, and the rules of files."""
        ...

    def named(self, name: str) -> RuleSet:
        """One set, with its document."""
        ...

    def put(self, name: str, document: bytes, *, who: str, why: str, seen: int) -> RuleSet:
        """Puts a set in place of the version that was seen; 0 for a new one."""
        ...

    def remove(self, name: str, *, who: str, why: str, seen: int) -> None:
        """Removes a set of the version that was seen."""
        ...

    def plan(self, name: str, document: bytes) -> Any:
        """What would be, were this the set; changes nothing."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedRules:
    """The rules of the record.

    Attributes:
        in_force: are looked at anew after a change of ours.
        names_of: the rules a document says.
        in_files: those that files say.
        suppose: what would be, were these the rules in force.
    """

    database: Database
    in_force: RulesInForce[Any]
    names_of: Callable[[str], tuple[str, ...]]
    in_files: tuple[str, ...]
    suppose: Callable[[Any], Any]
    clock: Clock

    def listed(self) -> ListedSets:
        """All sets, and the rules of files."""
        with self.database.read() as connection:
            found = rule_sets.list_sets(connection, self.in_force.kind)
        return ListedSets(files=self.in_files, sets=tuple(self._listed(one) for one in found))

    def named(self, name: str) -> RuleSet:
        """One set, with its document."""
        with self.database.read() as connection:
            return rule_sets.named(connection, self.in_force.kind, name)

    def put(self, name: str, document: bytes, *, who: str, why: str, seen: int) -> RuleSet:
        """Puts a set in place of the version that was seen; 0 for a new one."""
        change = rule_sets.Change(who=who, why=why, at=self.clock(), seen=seen)
        with self.database.begin() as connection:
            made = rule_sets.put(
                connection, self.in_force.kind, name, document, change=change, check=self.in_force.combine
            )
        self.in_force.look()
        return made

    def remove(self, name: str, *, who: str, why: str, seen: int) -> None:
        """Removes a set of the version that was seen."""
        change = rule_sets.Change(who=who, why=why, at=self.clock(), seen=seen)
        with self.database.begin() as connection:
            rule_sets.remove(connection, self.in_force.kind, name, change=change, check=self.in_force.combine)
        self.in_force.look()

    def plan(self, name: str, document: bytes) -> Any:
        """What would be, were this the set; changes nothing."""
        text = rule_sets.text_of(document, name)
        with self.database.read() as connection:
            others = {one.name: one.document for one in rule_sets.list_sets(connection, self.in_force.kind)}
        return self.suppose(self.in_force.combine({**others, name: text}))

    def _listed(self, one: RuleSet) -> ListedSet:
        names = self.names_of(one.document)
        return ListedSet(
            name=one.name,
            version=one.version,
            who=one.who,
            why=one.why,
            at=rfc3339(one.at),
            rules=names,
            replaces=tuple(name for name in names if name in self.in_files),
        )


class RemoteRules:
    """The rules of a server elsewhere; who changes them is who is logged in."""

    def __init__(self, server: RemoteServer, kind: RuleKind) -> None:
        self._server = server
        self._path = PATHS[kind]

    def listed(self) -> ListedSets:
        """All sets, and the rules of files."""
        return self._server.ask("GET", self._path, ListedSets)

    def named(self, name: str) -> RuleSet:
        """One set, with its document."""
        return self._server.ask("GET", self._of(name), RuleSet)

    def put(self, name: str, document: bytes, *, who: str, why: str, seen: int) -> RuleSet:
        """Puts a set in place of the version that was seen; 0 for a new one."""
        del who
        headers = _condition(seen)
        return self._server.ask("PUT", self._of(name), RuleSet, query={"why": why}, body=document, headers=headers)

    def remove(self, name: str, *, who: str, why: str, seen: int) -> None:
        """Removes a set of the version that was seen."""
        del who
        self._server.ask("DELETE", self._of(name), dict[str, Any], query={"why": why}, headers=_condition(seen))

    def plan(self, name: str, document: bytes) -> Any:
        """What would be, were this the set; changes nothing."""
        return self._server.ask("POST", f"{self._of(name)}/plan", dict[str, Any], body=document)

    def _of(self, name: str) -> str:
        return f"{self._path}/{quoted(name)}"


def open_rule_book(settings: Settings, kind: RuleKind) -> AbstractContextManager[tuple[RuleBook, str]]:
    """The rules of the server that `client.server` names, or of the record here; and as whom they are changed.

    Raises:
        TidegateError: the record, a file or a set cannot be used, or the server's address is none.
    """
    return here_or_there(
        settings,
        opens=_open_intake_rules if kind is RuleKind.INTAKE else _open_keeping_rules,
        here=lambda book: (book, local_user()),
        there=lambda server: (RemoteRules(server, kind), ""),
    )


@contextmanager
def _open_intake_rules(settings: Settings) -> Iterator[RecordedRules]:
    with open_importing(settings) as importing:
        in_force = intake_rules(settings, importing.database)
        yield intake_rule_book(settings, importing.database, in_force, system_clock)


@contextmanager
def _open_keeping_rules(settings: Settings) -> Iterator[RecordedRules]:
    with open_keeping(settings) as keeping:
        yield keeping_rule_book(settings, keeping.database, keeping.in_force, keeping.clock, suppose=keeping.supposing)


def intake_rule_book(
    settings: Settings, database: Database, in_force: RulesInForce[intake_file.IntakeRules], clock: Clock
) -> RecordedRules:
    """The rules of what is taken in.

    Raises:
        TidegateError: the intake file cannot be read.
    """

    def suppose(rules: intake_file.IntakeRules) -> dict[str, Any]:
        taken = [(one.name, f"{one.registry}/{one.path}".rstrip("/"), str(one.under)) for one in rules.upstreams.all]
        upstreams = [{"name": name, "source": source, "under": under} for name, source, under in taken]
        return {
            "upstreams": upstreams,
            "bases": [{"name": one.name, "source": str(one.source)} for one in rules.bases],
        }

    file = settings.intake.file
    return RecordedRules(
        database=database,
        in_force=in_force,
        names_of=lambda document: intake_file.names_in(document, where="rule set"),
        in_files=intake_file.names_in(intake_file.read_intake_file(file), where=str(file)),
        suppose=suppose,
        clock=clock,
    )


def keeping_rule_book(
    settings: Settings,
    database: Database,
    in_force: RulesInForce[rule_file.KeepingRules],
    clock: Clock,
    *,
    suppose: Callable[[rule_file.KeepingRules], Any],
) -> RecordedRules:
    """The rules of what is kept.

    Raises:
        TidegateError: a file of rules cannot be read.
    """
    return RecordedRules(
        database=database,
        in_force=in_force,
        names_of=lambda document: rule_file.names_in(rule_file.load_keeping_rules({"rule set": document})),
        in_files=rule_file.names_in(read_rules(settings.curation.keeping_files)),
        suppose=suppose,
        clock=clock,
    )


def _condition(seen: int) -> dict[str, str]:
    return {"If-Match": f'"{seen}"'} if seen else {"If-None-Match": "*"}
