"""Conditions: a task asks people (or other programs) a question, and waits for the answer.

The question is an action of its own, `paused` until somebody answers: in the console, with
`flyte signal condition`, or with `flyte.remote.Condition.signal`.
"""

import asyncio
import json
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from typing import Any, Generic, Literal, cast

from typing_extensions import TypeVar

from flyte import _context
from flyte._authoring.policies import seconds
from flyte._context import TaskContext
from flyte._sync import TwoFaced
from flyte.errors import (
    ActionAbortedError,
    ConditionAlreadyExistsError,
    ConditionFailedError,
    ConditionTimedoutError,
    DeclarationError,
    NotInTaskContextError,
    SyncTaskCallInAsyncContextError,
    TaskTimeoutError,
    TraceDoesNotAllowNestedTasksError,
)

T = TypeVar("T", bound=bool | int | float | str, default=bool)

KINDS = (bool, int, float, str)


@dataclass(frozen=True)
class ConditionWebhook:
    """Whom to tell, by a POST, that a condition waits.

    Attributes:
        url: Where to send it.
        payload: What to send as JSON; in its texts `{callback_uri}` becomes the address that takes
            the answer. Without one, the condition's name, prompt and address are sent.
    """

    url: str
    payload: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            raise DeclarationError(
                f"ConditionWebhook(url={self.url!r}) is no web address.",
                hint="Use http:// or https://.",
            )
        try:
            json.dumps(self.payload)
        except (TypeError, ValueError) as error:
            raise DeclarationError(
                f"The payload of a ConditionWebhook cannot be written as JSON: {error}."
            ) from None


class Condition(Generic[T]):
    """A question that was asked; `wait()` gives the answer.

    Attributes:
        name: What it is called, within its task.
        prompt: The question.
        data_type: Of which type the answer is.
        timeout: Seconds until it ends unanswered; None: it waits for ever.
    """

    def __init__(
        self,
        name: str,
        prompt: str,
        prompt_type: Literal["text", "markdown"],
        data_type: type[T],
        description: str,
        timeout: float | None,
        webhook: ConditionWebhook | None,
    ) -> None:
        self.name = name
        self.prompt = prompt
        self.prompt_type = prompt_type
        self.data_type = data_type
        self.description = description
        self.timeout = timeout
        self.webhook = webhook
        self._context: TaskContext | None = None
        self._call: Any = None
        self.wait: TwoFaced[[], T] = TwoFaced(self._wait, self._wait_async)
        """Wait for the answer; `await condition.wait.aio()` in async code."""

    def __repr__(self) -> str:
        return f"<condition {self.name}: {self.prompt!r}>"

    def _wait(self) -> T:
        context = self._opened()
        _refuse_on_loop(f"condition.wait() of {self.name}", "await condition.wait.aio()")
        return context.calls.wait(self._wait_async())

    async def _wait_async(self) -> T:
        """Wait for the answer.

        Raises:
            ConditionTimedoutError: nobody answered in time.
            ConditionFailedError: the condition was aborted.
        """
        context = self._opened()
        try:
            data = await context.calls.answer(context, self._call)
        except TaskTimeoutError as error:
            raise ConditionTimedoutError(error.message) from None
        except ActionAbortedError as error:
            raise ConditionFailedError(
                f"The condition {self.name} ended without an answer: {error.message}"
            ) from None
        finally:
            _open_in(context).discard(self.name)
        return cast(T, import_module("flyte._calls.answers").decode(data))

    def _opened(self) -> TaskContext:
        assert self._context is not None
        return self._context

    async def _open(self, context: TaskContext) -> None:
        """Make the question an action. Asked again by a later attempt, it is the same one."""
        here = _open_in(context)
        if self.name in here:
            raise ConditionAlreadyExistsError(
                f"The condition {self.name} of this task still waits; it cannot be asked twice at once."
            )
        self._context = context
        self._call = import_module("flyte._calls.asking").submission(context, self)
        await context.calls.record(context, self._call)
        here.add(self.name)


class _NewCondition:
    """`flyte.new_condition`: ask a question. The task goes on, and waits where it calls `.wait()`."""

    def __call__(
        self,
        name: str,
        /,
        prompt: str = "Approve?",
        prompt_type: Literal["text", "markdown"] = "text",
        data_type: type[T] = bool,  # type: ignore[assignment]
        description: str = "",
        timeout: timedelta | int | float | None = None,
        webhook: ConditionWebhook | None = None,
    ) -> Condition[T]:
        """Ask a question. The task goes on, and waits where it calls `.wait()`.

        Args:
            name: What the question is called, to answer it by.
            prompt: The question.
            prompt_type: Whether the prompt is plain text or Markdown.
            data_type: Of which type the answer is: bool, int, float or str.
            description: What people should know to answer it.
            timeout: How long it waits for an answer; None: for ever.
            webhook: Whom to tell that it waits.

        Raises:
            NotInTaskContextError: no task is running here.
            ConditionAlreadyExistsError: one of that name waits in this task.
        """
        _refuse_on_loop("flyte.new_condition()", "await flyte.new_condition.aio(...)")
        context, made = _made(name, prompt, prompt_type, data_type, description, timeout, webhook)
        context.calls.wait(made._open(context))
        return made

    async def aio(
        self,
        name: str,
        /,
        prompt: str = "Approve?",
        prompt_type: Literal["text", "markdown"] = "text",
        data_type: type[T] = bool,  # type: ignore[assignment]
        description: str = "",
        timeout: timedelta | int | float | None = None,
        webhook: ConditionWebhook | None = None,
    ) -> Condition[T]:
        """The same for async code."""
        context, made = _made(name, prompt, prompt_type, data_type, description, timeout, webhook)
        await made._open(context)
        return made


new_condition = _NewCondition()


def _made(
    name: str, prompt: str, prompt_type: Any, data_type: type[T], description: str, timeout: Any, webhook: Any
) -> tuple[TaskContext, Condition[T]]:
    context = _context.current()
    if context is None:
        raise NotInTaskContextError(f"The condition {name} was asked outside of a task.")
    if context.traced:
        raise TraceDoesNotAllowNestedTasksError(
            f"The condition {name} was asked inside the traced function {context.traced}.",
            hint="Ask beside the traced function, not inside it.",
        )
    if not isinstance(name, str) or not name.strip():
        raise DeclarationError(
            f"{name!r} is no name for a condition.", hint='Name it: new_condition("approve").'
        )
    if data_type not in KINDS:
        raise TypeError(f"new_condition(data_type={data_type!r}): an answer is a bool, int, float or str.")
    if prompt_type not in ("text", "markdown"):
        raise ValueError(f"new_condition(prompt_type={prompt_type!r}): use 'text' or 'markdown'.")
    limit = None if timeout is None else seconds(timeout, "new_condition(timeout=...)")
    if limit is not None and limit <= 0:
        raise ValueError("new_condition(timeout=...) must be positive; None waits for ever.")
    return context, Condition(name, prompt, prompt_type, data_type, description, limit, webhook)


def _open_in(context: TaskContext) -> set[str]:
    """The names of the conditions that wait in this attempt."""
    found: set[str] = context.data.setdefault(Condition, set())
    return found


def _refuse_on_loop(what: str, instead: str) -> None:
    if asyncio._get_running_loop() is not None:
        raise SyncTaskCallInAsyncContextError(
            f"{what} was called on an event loop, which would stand still.", hint=f"Use `{instead}`."
        )
