"""Environments: what a group of tasks has in common."""

import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from flyte._authoring.task import INHERIT, MAX_INLINE_IO_BYTES, AsyncTask, Options, SyncTask, Task, make
from flyte.errors import DeclarationError

if TYPE_CHECKING:
    from flyte._authoring.image import Image
    from flyte._authoring.policies import CacheRequest, RetryStrategy, ReusePolicy, Seconds, Timeout
    from flyte._authoring.resources import Resources
    from flyte._authoring.secret import SecretRequest

P = ParamSpec("P")
R = TypeVar("R")

_NAME = re.compile(r"[a-z0-9]+(?:[_-][a-z0-9]+)*")
_DESCRIPTION_LIMIT = 255

_registry: "list[TaskEnvironment]" = []


@dataclass(eq=False)
class TaskEnvironment:
    """What a group of tasks has in common. Its tasks are called `<name>.<function>`.

    Attributes:
        name: Lower-case letters and digits, in words joined by `-` or `_`.
        image: What tasks run in: `"auto"`, a reference, or an `Image`.
        resources: What one attempt needs.
        env_vars: Environment variables of every attempt.
        secrets: Secrets every attempt is given.
        cache: Whether outcomes are reused; `"disable"` unless said otherwise.
        reusable: Run attempts in warm worker processes.
        depends_on: Environments whose tasks are called from this one's.
        description: In words; what is beyond 255 characters is cut off.
        include: Further files for the code bundle: paths, folders or patterns, relative to the
            file that declares the environment.
    """

    name: str
    image: "str | Image | None" = "auto"
    resources: "Resources | None" = None
    env_vars: dict[str, str] | None = None
    secrets: "SecretRequest | None" = None
    cache: "CacheRequest" = "disable"
    reusable: "ReusePolicy | None" = None
    plugin_config: Any = None
    queue: str | None = None
    pod_template: Any = None
    interruptible: bool = False
    depends_on: "list[TaskEnvironment]" = field(default_factory=list)
    description: str | None = None
    include: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check(self)
        if self.description and len(self.description) > _DESCRIPTION_LIMIT:
            self.description = self.description[:_DESCRIPTION_LIMIT]
        self.include = tuple(self.include)
        self.depends_on = list(self.depends_on)
        self._tasks: dict[str, Task[..., Any]] = {}
        _registry.append(self)

    @property
    def tasks(self) -> dict[str, Task[..., Any]]:
        """The tasks declared so far, by full name, in order of declaration."""
        return dict(self._tasks)

    @overload
    def task(  # type: ignore[overload-overlap]
        self, func: Callable[P, Coroutine[Any, Any, R]], /
    ) -> AsyncTask[P, R]: ...
    @overload
    def task(self, func: Callable[P, R], /) -> SyncTask[P, R]: ...
    @overload
    def task(
        self,
        /,
        *,
        short_name: str | None = None,
        cache: "CacheRequest | None" = None,
        retries: "int | RetryStrategy" = 0,
        timeout: "Seconds | Timeout" = 0,
        docs: Any = None,
        pod_template: Any = None,
        report: bool = False,
        interruptible: bool | None = None,
        max_inline_io_bytes: int = MAX_INLINE_IO_BYTES,
        queue: str | None = None,
        triggers: Any = (),
        links: Any = (),
        task_resolver: Any = None,
        entrypoint: bool = False,
        produces_artifacts: bool = False,
    ) -> "_Decorator": ...
    def task(self, func: Any = None, /, **options: Any) -> Any:
        """Make a function a task of this environment; bare or with options.

        Args:
            func: A `def` or an `async def`.
            short_name: What people see; the function's name unless given.
            cache: Instead of the environment's.
            retries: Attempts beyond the first, or a `RetryStrategy`.
            timeout: Limit of one attempt, or a `Timeout`.
            docs: Instead of the docstring.
            report: The task writes a report.
            max_inline_io_bytes: Inputs and outputs larger than this are refused.
            entrypoint: Marks a task that runs are meant to start with.
        """
        declared = _options(options)
        if func is None:
            return lambda function: self._declare(function, declared)
        return self._declare(func, declared)

    def add_dependency(self, *environments: "TaskEnvironment") -> None:
        """Say that tasks of these environments are called from here."""
        for each in environments:
            if each is self:
                raise DeclarationError(f"Environment {self.name} cannot depend on itself.")
            if each not in self.depends_on:
                self.depends_on.append(each)

    def clone_with(self, name: str, **changes: Any) -> "TaskEnvironment":
        """An environment like this one under another name, without its tasks."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return TaskEnvironment(**{**values, **changes, "name": name})

    def _declare(self, func: Callable[..., Any], options: Options) -> Task[..., Any]:
        if isinstance(func, Task):
            raise DeclarationError(
                f"{func.name} is a task already.", hint="Use one decorator, or task.override(...)."
            )
        task = make(func, self, options)
        self._tasks[task.name] = task
        return task


class _Decorator:
    """What `env.task(...)` with options gives; it exists for type checkers only."""

    @overload
    def __call__(  # type: ignore[overload-overlap]
        self, func: Callable[P, Coroutine[Any, Any, R]], /
    ) -> AsyncTask[P, R]: ...
    @overload
    def __call__(self, func: Callable[P, R], /) -> SyncTask[P, R]: ...
    def __call__(self, func: Any, /) -> Any:
        raise NotImplementedError


def environments() -> "list[TaskEnvironment]":
    """Every environment declared in this process, in order of declaration."""
    return list(_registry)


def _options(given: dict[str, Any]) -> Options:
    for name in ("cache", "pod_template", "interruptible", "queue"):
        if given.get(name, INHERIT) is None:
            del given[name]
    if given.get("short_name", "") is None:
        del given["short_name"]
    try:
        return Options(**given)
    except TypeError:
        known = {each.name for each in fields(Options)}
        unknown = ", ".join(sorted(given.keys() - known))
        raise DeclarationError(
            f"A task has no option {unknown}.", hint=f"There are: {', '.join(sorted(known))}."
        ) from None


def _check(env: TaskEnvironment) -> None:
    if not isinstance(env.name, str) or not _NAME.fullmatch(env.name):
        raise DeclarationError(
            f"{env.name!r} is no name for an environment.",
            hint="Use lower-case letters and digits, in words joined by - or _, such as my_env.",
        )
    if env.cache != "disable":
        from flyte._authoring.policies import cache_of

        cache_of(env.cache)
    for name, value in (env.env_vars or {}).items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise DeclarationError(
                f"env_vars of environment {env.name} holds {name!r}: {value!r}.",
                hint="Names and values of environment variables are text.",
            )
    for each in env.depends_on:
        if not hasattr(each, "depends_on"):
            raise DeclarationError(f"depends_on of environment {env.name} holds {each!r}, no environment.")
    include: object = env.include
    if isinstance(include, str):
        raise DeclarationError(
            f"include of environment {env.name} is the text {include!r}.",
            hint=f"Write a tuple: include=({include!r},).",
        )
