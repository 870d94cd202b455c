"""Handles on conditions: the questions that tasks ask, and the way to answer them."""

import json
from collections.abc import AsyncIterator

from flyte._calls import answers
from flyte._calls.answers import Answer
from flyte._remote.current import current_source
from flyte._remote.iterate import iterate_classmethod
from flyte._remote.source import Source
from flyte._sync import syncify, syncify_classmethod
from flyte_core import views
from flyte_core.model import Action, ActionKind, Phase
from flyte_core.store.ports import ActionQuery


class Condition:
    """A question that a task of a run has asked."""

    def __init__(self, record: Action, source: Source) -> None:
        self._record = record
        self._source = source
        self._asked = answers.question(record.spec)

    @iterate_classmethod
    @classmethod
    async def listall(
        cls,
        /,
        run_name: str,
        action_name: str | None = None,
        limit: int = 100,
        *,
        project: str | None = None,
        domain: str | None = None,
    ) -> AsyncIterator["Condition"]:
        """The conditions of a run, in the order in which they were asked.

        Args:
            run_name: The run's name.
            action_name: Only those that this action asked.
            limit: At most so many.
            project: The run's project, when not the session's.
            domain: The run's domain, when not the session's.
        """
        source = current_source()
        found = await conditions(source, run_name, action_name, project, domain)
        for each in found[:limit]:
            yield each

    @syncify_classmethod
    @classmethod
    async def get(
        cls,
        name: str,
        /,
        run_name: str,
        action_name: str | None = None,
        *,
        project: str | None = None,
        domain: str | None = None,
    ) -> "Condition | None":
        """The condition of that name; one that waits rather than one that has ended. None when there is none."""
        found = await conditions(current_source(), run_name, action_name, project, domain)
        return choose(found, name)

    @property
    def name(self) -> str:
        return self._asked.name

    @property
    def run_name(self) -> str:
        return self._record.key.run.name

    @property
    def action_name(self) -> str:
        """The name of the condition's own action."""
        return self._record.key.name

    @property
    def prompt(self) -> str:
        return self._asked.prompt

    @property
    def description(self) -> str:
        return self._asked.description

    @property
    def expected_type(self) -> type:
        """Of which type an answer must be."""
        return answers.type_of(self._asked)

    @property
    def phase(self) -> Phase:
        """`paused` while it waits."""
        return self._record.phase

    @syncify
    async def signal(self, payload: Answer) -> None:
        """Answer it. Giving the same answer again changes nothing.

        Raises:
            RuntimeDataValidationError: the answer is not of the expected type.
            RuntimeUserError: it was answered otherwise, or has ended.
        """
        value = answers.check(payload, self.expected_type, self.name)
        await self._source.signal(self._record.key, value)
        self._record = await self._source.action(self._record.key)

    def to_dict(self) -> dict[str, object]:
        """The condition as plain data, as `flyte get condition -of json` prints it."""
        action = views.action_dict(self._record)
        return {
            "name": self.name,
            "run_name": self.run_name,
            "action_name": self.action_name,
            "asked_by": self._record.parent,
            "phase": self.phase.value,
            "type": self.expected_type.__name__,
            "prompt": self.prompt,
            "description": self.description,
            "start_time": action["start_time"],
            "end_time": action["end_time"],
        }

    def to_json(self) -> str:
        return json.dumps(self.to_dict())

    def __repr__(self) -> str:
        return f"<Condition {self.name} of {self.run_name}: {self.phase.value}>"


async def conditions(
    source: Source, run: str, asked_by: str | None, project: str | None = None, domain: str | None = None
) -> list[Condition]:
    """Every condition of a run, or of one action of it, in the order in which they were asked."""
    query = ActionQuery(kinds=(ActionKind.CONDITION,), limit=1000)
    page = await source.actions(source.scope.run(run, project, domain), query)
    return [
        Condition(each, source)
        for each in page.actions
        if asked_by is None or asked_by in (each.parent, each.key.name)
    ]


def choose(found: list[Condition], name: str) -> Condition | None:
    """The condition of that name, or of that action: one that waits, else the last one."""
    named = [each for each in found if name in (each.name, each.action_name)]
    waiting = [each for each in named if each.phase is Phase.PAUSED]
    return next(iter(waiting or named[-1:]), None)
