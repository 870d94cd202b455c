"""The table of programs: what each is called with, and what must come of it, in every mode."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import flyte

T = TypeVar("T", bound=flyte.Task[..., Any])

ANYTHING: Any = object()
"""Stands for a result that is only compared between the modes."""


@dataclass(frozen=True)
class Program:
    """One root task with its inputs.

    Attributes:
        gives: The value it returns.
        fails: The code of its error, when it is to fail; `says` is part of the message.
        tree: A sketch of the run's actions; see `sketch` in the tests.
        times: It is run so often in a row; what is expected holds of the last time.
        ordered: Whether children are called in a fixed order.
        hurried: Whether it ends something so early that attempts may differ in number.
        options: Further options of the run.
        again: The run, however it ended, is repeated with these arguments of `flyte.rerun`; what is
            expected holds of the repetition. An action is named by what it is an action of.
        answers: What its conditions are answered, by name, as soon as they ask.
        tells: What somebody is told of it, by notifications: phase, then error or prompt.
        reports: What the pages of its tasks hold, by short name; nothing: there is none.
    """

    task: flyte.Task[..., Any]
    inputs: dict[str, Any]
    gives: Any = ANYTHING
    fails: str = ""
    says: str = ""
    tree: str = ""
    times: int = 1
    ordered: bool = True
    hurried: bool = False
    options: dict[str, Any] = field(default_factory=dict)
    again: dict[str, Any] | None = None
    answers: dict[str, Any] = field(default_factory=dict)
    tells: list[str] = field(default_factory=list)
    reports: dict[str, tuple[str, ...]] = field(default_factory=dict)


TABLE: list[Program] = []


def program(
    gives: Any = ANYTHING,
    *,
    fails: str = "",
    says: str = "",
    tree: str = "",
    times: int = 1,
    ordered: bool = True,
    hurried: bool = False,
    options: dict[str, Any] | None = None,
    again: dict[str, Any] | None = None,
    answers: dict[str, Any] | None = None,
    tells: list[str] | None = None,
    reports: dict[str, tuple[str, ...]] | None = None,
    **inputs: Any,
) -> Callable[[T], T]:
    """Put a task into the table, with one set of inputs."""

    def add(task: T) -> T:
        expected = (gives, fails, says, tree, times, ordered, hurried, options or {}, again)
        TABLE.append(Program(task, inputs, *expected, answers or {}, tells or [], reports or {}))
        return task

    return add
