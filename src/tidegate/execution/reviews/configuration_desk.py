# SPDX-License-Identifier: Apache-2.0
"""The desk for ConfigMaps and Secrets: judged by themselves when they are made or changed, whatever uses them.

What is in a Secret is looked at here and goes nowhere: no record, message or log holds it, nor a hash of it that could
be tried out by guessing.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from tidegate.clock import Clock
from tidegate.errors import InvalidInputError, TidegateError
from tidegate.evidence import Verdict
from tidegate.execution.configuration.configuration import KINDS, Configuration, configuration_of
from tidegate.execution.configuration.judge import ConfigurationReview, FindSecrets, judge_configuration
from tidegate.execution.configuration.rules import ConfigurationRules
from tidegate.execution.reviews.admission_review import AdmissionRequest, Answer
from tidegate.execution.reviews.asked import ROOT_CERTIFICATES, annotations_of, is_control_plane, name_of, names_of
from tidegate.execution.reviews.break_glass import MIN_REASON_CHARS, GlassOptions, reason_in
from tidegate.execution.reviews.record import Act, Record
from tidegate.execution.workload import Bystander
from tidegate.values import Struct

_TOLD: Final = 5
_ALLOWED: Final = Answer(allowed=True)


class ConfigurationDeskOptions(Struct, frozen=True, kw_only=True):
    """How it answers.

    Attributes:
        cluster: as its operators call it.
        rules: of the house.
        exempt: namespaces nothing is asked of.
        glass: who may break it.
        key: secret; the digests of Secrets are made with it.
    """

    cluster: str
    rules: ConfigurationRules
    exempt: frozenset[str]
    glass: GlassOptions
    key: bytes


class ConfigurationDesk:
    """Answers, from memory. Safe for threads.

    Args:
        options: how.
        find_secrets: looks through ConfigMaps.
        keep: keeps account.
        clock: the moment told.
    """

    def __init__(
        self, options: ConfigurationDeskOptions, find_secrets: FindSecrets, keep: Callable[[Record], None], clock: Clock
    ) -> None:
        self._options = options
        self._find_secrets = find_secrets
        self._keep = keep
        self._clock = clock

    def judge(self, request: AdmissionRequest) -> Answer:
        """Whether a ConfigMap or Secret may be as it shall be.

        Raises:
            TidegateError: the object is broken or hostile.
        """
        if self._is_passed_over(request):
            return _ALLOWED
        try:
            shall = self._configuration(request, request.object)
            if request.operation == "UPDATE" and _is_same(shall, self._configuration(request, request.old)):
                return _ALLOWED
        except TidegateError as error:
            self._tell(request, Act.CONFIGURATION_DENIED, None, (str(error),))
            raise
        said = judge_configuration(shall, self._options.rules, (), self._find_secrets)
        warnings = tuple(one.message for one in said.reasons if one.verdict is Verdict.WARN)
        if said.allowed:
            self._tell(request, Act.CONFIGURATION_ADMITTED, said, warnings)
            return Answer(allowed=True, warnings=warnings, audit={"decision": "admitted", "rule": said.rule})
        denials = tuple(
            one.message + (f" → {one.fix}" if one.fix else "") for one in said.reasons if one.verdict is Verdict.DENY
        )
        reason = reason_in(annotations_of(request.object))
        if len(reason) >= MIN_REASON_CHARS and self._options.glass.lets(names_of(request)):
            who = request.user.username[:253]
            self._tell(request, Act.GLASS_BROKEN, said, (f"{who} broke the glass: {reason}", *denials))
            return Answer(
                allowed=True,
                warnings=(f"not admitted by tidegate; {who} broke the glass", *denials),
                audit={"decision": "glass-broken", "by": who, "reason": reason},
            )
        self._tell(request, Act.CONFIGURATION_DENIED, said, denials)
        more = f" (and {len(denials) - _TOLD} more)" if len(denials) > _TOLD else ""
        message = f"denied by tidegate: {'; '.join(denials[:_TOLD])}{more}"
        return Answer(allowed=False, message=message, audit={"decision": "denied", "rule": said.rule})

    def _is_passed_over(self, request: AdmissionRequest) -> bool:
        if request.operation == "DELETE" or request.namespace in self._options.exempt or is_control_plane(request):
            return True
        return request.kind.kind == "ConfigMap" and request.name == ROOT_CERTIFICATES

    def _configuration(self, request: AdmissionRequest, document: Mapping[str, Any] | None) -> Configuration:
        kind = request.kind
        if kind.group or kind.kind not in KINDS or document is None:
            raise InvalidInputError("is no ConfigMap and no Secret", where=kind.kind[:63] or "object")
        metadata = document.get("metadata")
        if not isinstance(metadata, dict):
            raise InvalidInputError("its metadata is not a map", where=kind.kind)
        named = {**metadata, "name": name_of(request), "namespace": request.namespace}
        whole = {**document, "apiVersion": "v1", "kind": kind.kind, "metadata": named}
        item = Bystander(kind=kind.kind, name=named["name"], holds_containers=False, document=whole)
        found = configuration_of(item, where="object", key=self._options.key)
        if found is None:
            raise InvalidInputError("is no ConfigMap and no Secret", where=kind.kind)
        return found

    def _tell(
        self, request: AdmissionRequest, act: Act, said: ConfigurationReview | None, reasons: tuple[str, ...]
    ) -> None:
        if request.dry_run:
            return
        self._keep(
            Record(
                id=request.uid[:64],
                at=self._clock(),
                act=act,
                cluster=self._options.cluster,
                namespace=request.namespace,
                kind=request.kind.kind[:63],
                name=name_of(request),
                by=request.user.username[:253],
                operation=request.operation[:16],
                rule=said.rule if said is not None else "",
                content=said.digest if said is not None else "",
                reasons=reasons[:20],
            )
        )


def _is_same(new: Configuration, old: Configuration) -> bool:
    """True when nothing of it changed that is judged; of annotations a leader election writes some every second."""
    return new.entries == old.entries and new.immutable is old.immutable and new.labels == old.labels
