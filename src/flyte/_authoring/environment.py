"""Environments: what a group of tasks has in common."""

import inspect
import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar, Unpack, overload

from flyte._authoring.task import MAX_INLINE_IO_BYTES, AsyncTask, Options, SyncTask, Task, make
from flyte.errors import DeclarationError

if TYPE_CHECKING:
    from flyte._authoring.documentation import Documentation
    from flyte._authoring.image import Image
    from flyte._authoring.link import Link
    from flyte._authoring.pod import PodTemplate
    from flyte._authoring.policies import CacheRequest, RetryStrategy, ReusePolicy, Seconds, Timeout
    from flyte._authoring.resources import Resources
    from flyte._authoring.secret import SecretRequest
    from flyte._authoring.trigger import Trigger
    from flyte._authoring.typed import Changes

P = ParamSpec("P")
R = TypeVar("R")

_NAME = re.compile(r"[a-z0-9]+(?:[_-][a-z0-9]+)*")
_DESCRIPTION_LIMIT = 255

_registry: "list[Environment]" = []


@dataclass(eq=False)
class Environment:
    """What all kinds of environments have in common.

    Attributes:
        name: Lower-case letters and digits, in words joined by `-` or `_`.
        depends_on: Environments that this one's code calls.
        pod_template: For Kubernetes; kept, and of no effect on one machine.
        description: In words; what is beyond 255 characters is cut off.
        secrets: Secrets every attempt is given.
        env_vars: Environment variables of every attempt.
        resources: What one attempt needs.
        interruptible: For machines that may be taken away; kept, and of no effect on one machine.
        image: What the code runs in: `"auto"`, a reference, or an `Image`.
        include: Further files for the code bundle: paths, folders or patterns, relative to the
            file that declares the environment.
        service_account: For Kubernetes; kept, and of no effect on one machine.
    """

    name: str
    depends_on: "list[Environment]" = field(default_factory=list)
    pod_template: "str | PodTemplate | None" = None
    description: str | None = None
    secrets: "SecretRequest | None" = None
    env_vars: dict[str, str] | None = None
    resources: "Resources | None" = None
    interruptible: bool = False
    image: "str | Image | None" = "auto"
    include: tuple[str, ...] = ()
    service_account: str | None = None

    def __post_init__(self) -> None:
        _check(self)
        if self.description and len(self.description) > _DESCRIPTION_LIMIT:
            self.description = self.description[:_DESCRIPTION_LIMIT]
        self.include = tuple(self.include)
        self.depends_on = list(self.depends_on)
        self.folder = _declared_in() if self.include else None
        """Where `include` is looked for: beside the file that declares it."""
        _registry.append(self)

    def add_dependency(self, *env: "Environment") -> None:
        """Say that code of these environments is called from here."""
        for each in env:
            if each is self:
                raise DeclarationError(f"Environment {self.name} cannot depend on itself.")
            if each not in self.depends_on:
                self.depends_on.append(each)

    def clone_with(self, name: str, **changes: "Unpack[Changes]") -> Self:
        """An environment like this one under another name, without its tasks.

        Args:
            name: Of the new one.
            changes: Fields that differ; `None` leaves a field as it is.

        Raises:
            TypeError: there is no such field.
        """
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        given = {key: value for key, value in changes.items() if value is not None}
        return type(self)(**{**values, **given, "name": name})


@dataclass(eq=False)
class TaskEnvironment(Environment):
    """What a group of tasks has in common. Its tasks are called `<name>.<function>`.

    Attributes:
        cache: Whether outcomes are reused; `"disable"` unless said otherwise.
        reusable: Run attempts in warm worker processes.
        plugin_config: For plugins.
        queue: Kept with what is run; of no effect on one machine.
    """

    cache: "CacheRequest" = "disable"
    reusable: "ReusePolicy | None" = None
    plugin_config: Any = None
    queue: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.cache != "disable":
            from flyte._authoring.policies import cache_of

            cache_of(self.cache)
        self._tasks: dict[str, Task[..., Any]] = {}

    @property
    def tasks(self) -> dict[str, Task[..., Any]]:
        """The tasks declared so far, by full name, in order of declaration."""
        return dict(self._tasks)

    @classmethod
    def from_task(
        cls, name: str, *tasks: Task[..., Any], depends_on: list[Environment] | None = None
    ) -> "TaskEnvironment":
        """An environment of tasks that were made without one, such as a `ContainerTask`.

        Args:
            name: Of the environment. The tasks keep their names.
            tasks: All with the same image, or without one.
            depends_on: Environments that their code calls.

        Raises:
            DeclarationError: a task has an environment already, or their images differ.
        """
        for task in tasks:
            if task.env in _registry:
                raise DeclarationError(f"{task.name} belongs to the environment {task.env.name} already.")
        images = {id(task.env.image): task.env.image for task in tasks if task.env.image != "auto"}
        if len(images) > 1:
            raise DeclarationError(
                f"The tasks of {name} have {len(images)} images; one environment has one.",
                hint="Make an environment for each image.",
            )
        env = cls(name, image=next(iter(images.values()), "auto"), depends_on=depends_on or [])
        for task in tasks:
            task.env = env
            task.derived.clear()
            env._tasks[task.name] = task
        return env

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
        docs: "Documentation | None" = None,
        pod_template: "str | PodTemplate | None" = None,
        report: bool = False,
        interruptible: bool | None = None,
        max_inline_io_bytes: int = MAX_INLINE_IO_BYTES,
        queue: str | None = None,
        service_account: str | None = None,
        triggers: "Trigger | tuple[Trigger, ...]" = (),
        links: "Link | tuple[Link, ...]" = (),
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
            docs: A `Documentation`, instead of the docstring.
            report: The task writes a report; see `flyte.report`.
            max_inline_io_bytes: Inputs and outputs larger than this are refused.
            triggers: What starts it by itself, once it is deployed.
            links: Addresses that belong to every action of it.
            entrypoint: Marks a task that runs are meant to start with.
        """
        declared = _options(options)
        if func is None:
            return lambda function: self._declare(function, declared)
        return self._declare(func, declared)

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


def alone(name: str, image: "str | Image | None") -> TaskEnvironment:
    """The environment of one task that was made without one; it is not among those of the process."""
    env = TaskEnvironment(name, image=image)
    _registry.remove(env)
    return env


def environments() -> list[Environment]:
    """Every environment declared in this process, in order of declaration."""
    return list(_registry)


def _declared_in() -> Path | None:
    """The folder of the file that declares an environment; None where there is no file."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_code.co_filename in (__file__, "<string>"):
        frame = frame.f_back
    path = None if frame is None else Path(frame.f_code.co_filename)
    return path.resolve().parent if path is not None and path.is_file() else None


def _options(given: dict[str, Any]) -> Options:
    try:
        return Options(**{name: value for name, value in given.items() if value is not None})
    except TypeError:
        known = {each.name for each in fields(Options)}
        unknown = ", ".join(sorted(given.keys() - known))
        raise DeclarationError(
            f"A task has no option {unknown}.", hint=f"There are: {', '.join(sorted(known))}."
        ) from None


def _check(env: Environment) -> None:
    if not isinstance(env.name, str) or not _NAME.fullmatch(env.name):
        raise DeclarationError(
            f"{env.name!r} is no name for an environment.",
            hint="Use lower-case letters and digits, in words joined by - or _, such as my_env.",
        )
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
