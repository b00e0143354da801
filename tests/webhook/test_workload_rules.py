# SPDX-License-Identifier: Apache-2.0
"""Rules of the execution gate in two parts: the image's is judged ahead, the workload's where the workload is."""

from pathlib import Path

from made_verdicts import Issuer, digest_of, image_verdict
from tidegate.artifact import Reference
from tidegate.clock import system_clock
from tidegate.evidence import Boundary, Decision, Reason, Verdict
from tidegate.execution.gate import Question
from tidegate.execution.verdicts.judging import LocalJudge
from tidegate.execution.verdicts.store import VerdictStore
from tidegate.execution.verdicts.workload_rules import asks_of_workload, image_part, workload_rules
from tidegate.policy.context import ContainerContext
from tidegate.policy.document import load_policies
from tidegate.signing.keys import TrustedKeys

POLICY = """
apiVersion: tidegate.dev/v1
kind: Policy
metadata: {name: house}
spec:
  rules:
    - {name: admitted, boundaries: [execution], reads: {vsa: {maxAge: 7d}}, when: vsa.result != "PASSED",
       verdict: deny, message: refused}
    - {name: not-in-vaults, boundaries: [execution], when: 'context.namespace == "vaults"', verdict: deny,
       message: "nothing runs in {context.namespace}"}
    - {name: no-root, boundaries: [execution], each: containers, when: container.runs_as_root, verdict: deny,
       message: "{container.name} runs as root"}
    - {name: odd-labels, boundaries: [execution], when: '"odd" in context.labels', verdict: warn, message: odd}
    - {name: elsewhere, boundaries: [curation], when: "true", verdict: deny, message: no}
"""
BOTH = (
    POLICY
    + """\
    - {name: both, boundaries: [execution], reads: {vsa: {maxAge: 7d}},
       when: 'vsa.verdict == "warn" && context.namespace == "prod"', verdict: deny, message: both}
"""
)


def judge_of(folder: Path, files: dict[str, str]) -> LocalJudge:
    issuer = Issuer(files=files)
    store = VerdictStore(folder, TrustedKeys.of([issuer.key.verifying]))
    store.load()
    store.take_in(issuer.batch([image_verdict("team/app:1")]))
    store.set_policies(issuer.policies())
    return LocalJudge(store=store, clock=system_clock)


def question(namespace: str, *, root: bool = False, **labels: str) -> Question:
    digest = digest_of("team/app:1")
    return Question(
        digest=digest,
        reference=Reference.parse("team/app:1").at(digest),
        cluster="lab",
        namespace=namespace,
        labels=labels,
        containers=(ContainerContext(name="app", runs_as_root=root),),
    )


def decision(*reasons: Reason) -> Decision:
    now = system_clock()
    return Decision(
        boundary=Boundary.EXECUTION,
        subject=digest_of("team/app:1"),
        verdict=Verdict.DENY,
        reasons=reasons,
        rules=(),
        policies=(),
        inputs=(),
        decided_at=now,
        expires_at=now,
    )


def denial(rule: str) -> Reason:
    return Reason(rule=rule, verdict=Verdict.DENY, message=f"{rule} objects")


def test_what_asks_of_the_workload_is_judged_where_it_is(tmp_path: Path) -> None:
    judge = judge_of(tmp_path, {"house": POLICY})

    def said(asked: Question) -> tuple[Verdict, str]:
        found = judge.decide(asked)
        assert found is not None
        return found.verdict, " ".join(reason.message for reason in found.reasons)

    assert said(question("shop")) == (Verdict.ALLOW, "")
    assert said(question("vaults")) == (Verdict.DENY, "nothing runs in vaults")
    assert said(question("shop", root=True)) == (Verdict.DENY, "app runs as root")
    assert said(question("shop", odd="1")) == (Verdict.WARN, "odd")


def test_of_the_servers_decision_only_the_images_part_is_kept() -> None:
    policies = load_policies({"house": POLICY})
    kept = image_part(decision(denial("no-root"), denial("not-in-vaults")), policies)
    assert (kept.verdict, kept.reasons) == (Verdict.ALLOW, ())
    kept = image_part(decision(denial("no-root"), denial("admitted")), policies)
    assert (kept.verdict, kept.reasons) == (Verdict.DENY, (denial("admitted"),))


def test_a_rule_that_asks_of_both_denies_and_says_so() -> None:
    kept = image_part(decision(), load_policies({"house": BOTH}))
    assert kept.verdict is Verdict.DENY
    assert "part it in two rules" in kept.reasons[0].fix
    assert [rule.name for policy in workload_rules({"house": BOTH}).policies for rule in policy.rules] == [
        "not-in-vaults",
        "no-root",
        "odd-labels",
    ]


def test_a_name_that_two_policies_use_for_either_counts() -> None:
    other = (
        POLICY.replace("name: house", "name: other").replace("name: no-root", "name: x").replace("admitted", "no-root")
    )
    policies = load_policies({"house": POLICY, "other": other})
    assert image_part(decision(denial("no-root")), policies).verdict is Verdict.DENY


def test_what_is_left_of_a_policy_asks_of_workloads_alone() -> None:
    (policy,) = load_policies({"house": POLICY})
    assert [rule.name for rule in policy.rules if asks_of_workload(rule)] == ["not-in-vaults", "no-root", "odd-labels"]


def test_without_policies_nothing_runs(tmp_path: Path) -> None:
    issuer = Issuer()
    store = VerdictStore(tmp_path, TrustedKeys.of([issuer.key.verifying]))
    store.take_in(issuer.batch([image_verdict("team/app:1")]))
    found = LocalJudge(store=store, clock=system_clock).decide(question("shop"))
    assert found is not None
    assert found.verdict is Verdict.DENY
