"""Patterns of files to leave out, as Git understands them."""

import re
from collections.abc import Iterable
from functools import lru_cache

from flyte_core.frozen import frozen


@frozen
class Rule:
    """One line of a `.gitignore`."""

    expression: re.Pattern[str]
    keep: bool
    """The line began with `!`: what it matches is not left out after all."""
    folders_only: bool
    base: str = ""
    """The folder below the root that the line holds for, as `a/b/`; empty: the root."""
    above: str = ""
    """Of a line that holds for a folder above the root: the way from there to the root, as `a/b/`."""

    def matches(self, path: str, *, folder: bool) -> bool:
        """Whether the line is about this path, given relative to the root."""
        if (self.folders_only and not folder) or not path.startswith(self.base):
            return False
        return self.expression.fullmatch(self.above + path[len(self.base) :]) is not None


def rules(lines: Iterable[str], *, base: str = "", above: str = "") -> list[Rule]:
    """The rules in the lines of a file. What is no pattern is passed over, as Git does."""
    found = []
    for line in lines:
        rule = _rule(line.rstrip("\r\n"), base, above)
        if rule is not None:
            found.append(rule)
    return found


def ignored(path: str, rules: Iterable[Rule], *, folder: bool) -> bool:
    """Whether the path is left out: the last rule that is about it decides."""
    out = False
    for rule in rules:
        if rule.keep == out and rule.matches(path, folder=folder):
            out = not rule.keep
    return out


def _rule(line: str, base: str, above: str) -> Rule | None:
    text = line
    while text.endswith(" ") and not text.endswith("\\ "):
        text = text[:-1]
    if not text or text.startswith("#"):
        return None
    keep = text.startswith("!")
    text = text[1:] if keep else text
    folders_only = text.endswith("/")
    text = text.rstrip("/") if folders_only else text
    anchored = "/" in text
    text = text.removeprefix("/")
    if not text:
        return None
    try:
        expression = _compiled(text if anchored else f"**/{text}")
    except re.error:
        return None
    return Rule(expression, keep, folders_only, base, above)


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    parts: list[str] = []
    at = 0
    while at < len(pattern):
        if pattern.startswith("**/", at) and (at == 0 or pattern[at - 1] == "/"):
            parts.append("(?:.*/)?")
            at += 3
        elif pattern[at:] == "**" and at and pattern[at - 1] == "/":
            parts.append(".+")
            at += 2
        elif pattern[at] == "*":
            parts.append("[^/]*")
            at += 1
            while at < len(pattern) and pattern[at] == "*":
                at += 1
        elif pattern[at] == "?":
            parts.append("[^/]")
            at += 1
        elif pattern[at] == "[" and (end := _class_end(pattern, at)):
            inside = pattern[at + 1 : end].replace("\\", "\\\\")
            negated = inside[:1] in ("!", "^")
            parts.append(f"(?!/)[{'^' if negated else ''}{inside[1:] if negated else inside}]")
            at = end + 1
        else:
            at += pattern[at] == "\\" and at + 1 < len(pattern)
            parts.append(re.escape(pattern[at]))
            at += 1
    return re.compile("".join(parts), re.DOTALL)


def _class_end(pattern: str, start: int) -> int:
    """Where a `[...]` that begins at `start` ends; 0 when it does not."""
    at = start + 1
    if pattern[at : at + 1] in ("!", "^"):
        at += 1
    return max(0, pattern.find("]", at + 1))
