# SPDX-License-Identifier: Apache-2.0
"""How a kind is written down in one line or two: by its own form, or by the key that stands before it.

Of the first sample a counter-sample is made: the same with every hole filled with `x`, as people write placeholders;
where no others are given, also the same with its last hole one character short.
"""

import re
from typing import Any, Final, TypeAlias

from tidegate.scan.secrets.rule import Rule

Templates: TypeAlias = str | tuple[str, ...]

BETWEEN: Final = r"\\?[\"'\])]{0,2}[ \t]{0,4}(?:=>|:=|\|\||=|:|,|>|[ \t])[ \t]{0,4}(?:\\?[\"'`]|)"
"""What stands between a key and its value in JSON, YAML, XML, shell, ini files and source text."""
ASSIGNED: Final = r"(?:\\?[\"'\])]{0,2}[ \t]{0,4}(?:=>|:=|=|:|>)|[\"'],)[ \t]{0,4}(?:\\?b?[\"'`]|)"
"""The same where it must be an assignment."""
KEY_REST: Final = r"[\w .\-]{0,24}"

_HOLE: Final = re.compile(r"<(\d+):(\w+)>")
_LAST_REPEAT: Final = re.compile(r"\{(\d+)(?:,\d*)?\}((?:=\{0,\d\})?)$")
_MAX_TRIGGER_REPEAT: Final = 48


def form(id: str, title: str, provider: str, pattern: str, yes: Templates, no: Templates = (), **more: Any) -> Rule:  # noqa: A002 - the rule's own word
    """A secret that is known by its own form, and ends where a word ends.

    Args:
        id: of the rule.
        title: for people.
        provider: who gives it out.
        pattern: in the syntax that `re` and Hyperscan share.
        yes: samples.
        no: counter-samples.
        more: further fields of the rule.
    """
    end = r"(?![0-9A-Za-z_-])" if _ends_in_dash(pattern) else r"(?![0-9A-Za-z_])"
    end = "" if _has_more_behind(pattern) else end
    more.setdefault("trigger", trigger_of(pattern))
    secret = pattern if "(?P<secret>" in pattern else f"(?P<secret>{pattern})"
    return _rule(id, title, provider, secret + end, yes, no, more)


def keyed(
    id: str,  # noqa: A002 - the rule's own word
    title: str,
    provider: str,
    keys: Templates,
    value: str,
    yes: Templates,
    no: Templates = (),
    *,
    rest: str = KEY_REST,
    between: str = BETWEEN,
    **more: Any,
) -> Rule:
    """A secret that is known by the key before it: `key = "secret"`, in JSON, YAML, shell, XML and ini files.

    Args:
        id: of the rule.
        title: for people.
        provider: who gives it out.
        keys: words of the key, in any case.
        value: the secret's form.
        yes: samples.
        no: counter-samples.
        rest: what may follow the word in the key.
        between: what stands between key and value.
        more: further fields of the rule.
    """
    words = (keys,) if isinstance(keys, str) else keys
    key = "|".join(map(re.escape, words))
    pattern = rf"(?i:{key})(?i:{rest}){between}(?P<secret>{value})(?![0-9A-Za-z_/+=.-])"
    more.setdefault("stands_alone", False)
    more.setdefault("in_binaries", False)
    more.setdefault("yields", True)
    return _rule(id, title, provider, pattern, yes, no, {"keys": tuple(word.lower() for word in words), **more})


def trigger_of(pattern: str) -> str:
    """What the automaton looks for: the pattern without names, its last repetition cut to the least it needs."""
    return _LAST_REPEAT.sub(_cut, pattern).replace("(?P<secret>", "(?:")


def _cut(found: re.Match[str]) -> str:
    return f"{{{min(int(found[1]), _MAX_TRIGGER_REPEAT)}}}"


def _rule(
    name: str, title: str, provider: str, pattern: str, yes: Templates, no: Templates, more: dict[str, Any]
) -> Rule:
    samples = (yes,) if isinstance(yes, str) else yes
    counters = (no,) if isinstance(no, str) else no
    return Rule(
        id=name,
        title=title,
        provider=provider,
        pattern=pattern,
        samples=samples,
        counter_samples=(*counters, *_near_misses(samples[0], is_told=bool(counters))),
        **more,
    )


def _near_misses(sample: str, *, is_told: bool) -> tuple[str, ...]:
    holes = list(_HOLE.finditer(sample))
    if not holes:
        return ()
    filled = _HOLE.sub(r"<\1:x>", sample)
    if is_told:
        return (filled,)
    last = holes[-1]
    return sample[: last.start()] + f"<{int(last[1]) - 1}:{last[2]}>" + sample[last.end() :], filled


def _ends_in_dash(pattern: str) -> bool:
    return re.search(r"-\](?:\{[\d,]+\})?\)?$", pattern) is not None


def _has_more_behind(pattern: str) -> bool:
    """Whether something stands behind the secret itself, so that its end is told already."""
    found = re.search(r"\(\?P<secret>(?:[^()\\]|\\.|\((?:[^()\\]|\\.)*\))*\)(.*)$", pattern, re.DOTALL)
    return found is not None and bool(found[1])
