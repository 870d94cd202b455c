"""A function that has become a task: callable as before, and an action when called in a run."""

import functools
import inspect
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Final, Generic, ParamSpec, Self, TypeVar, Unpack, cast

from flyte import _context
from flyte._authoring.interface import NativeInterface, check
from flyte.errors import DeclarationError

if TYPE_CHECKING:
    from flyte._authoring.environment import TaskEnvironment
    from flyte._authoring.image import Image
    from flyte._authoring.link import Link
    from flyte._authoring.pod import PodTemplate
    from flyte._authoring.policies import Cache, RetryStrategy, ReusePolicy, Timeout
    from flyte._authoring.resources import Resources
    from flyte._authoring.secret import Secret
    from flyte._authoring.trigger import Trigger
    from flyte._authoring.typed import Overrides

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class _Inherit:
    def __reduce__(self) -> str:
        return "INHERIT"  # Pickled by name: there is only one.


INHERIT: Final[Any] = _Inherit()
"""Stands for an option that is not set here: the environment's holds."""

MAX_INLINE_IO_BYTES: Final = 10 * 1024 * 1024


@dataclass(frozen=True)
class Options:
    """What was declared about one task; `INHERIT` where its environment decides."""

    short_name: str = ""
    cache: Any = INHERIT
    retries: Any = 0
    timeout: Any = 0
    docs: Any = None
    pod_template: Any = INHERIT
    report: bool = False
    interruptible: Any = INHERIT
    max_inline_io_bytes: int = MAX_INLINE_IO_BYTES
    queue: Any = INHERIT
    service_account: Any = INHERIT
    triggers: Any = ()
    links: Any = ()
    task_resolver: Any = None
    entrypoint: bool = False
    produces_artifacts: bool = False
    resources: Any = INHERIT
    reusable: Any = INHERIT
    env_vars: Any = INHERIT
    secrets: Any = INHERIT
    plugin_config: Any = INHERIT


_FIXED: Final = frozenset({"name", "image", "docs", "interface", "triggers", "task_resolver", "report"})
_OVERRIDABLE: Final = frozenset(field.name for field in fields(Options)) - _FIXED


NAMES: Final[set[str]] = set()
"""Names of the functions that are tasks: an attribute of such a name may be one."""


class Task(Generic[P, R]):
    """A task: a function, its environment, and what was declared about it.

    Called outside a run it is the bare function: nothing is recorded, no value converted. Called
    in a run, every call is an action. `forward` is the bare function everywhere.
    """

    _is_coroutine_function = False

    def __init__(self, func: Callable[P, R], env: "TaskEnvironment", options: Options) -> None:
        functools.update_wrapper(cast(Callable[..., Any], self), func)
        self.func = func
        self.env = env
        self.options = options
        self.declared = options
        """What was declared, before anything was overridden."""
        self.name = f"{env.name}.{func.__name__}"
        NAMES.add(func.__name__)
        self.derived: dict[Any, Any] = {}
        """What others have worked out from the declaration; kept here so that it goes with it."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        raise NotImplementedError

    def forward(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the bare function, in a run too: no action, no conversion."""
        return self.func(*args, **kwargs)

    def override(self, **options: "Unpack[Overrides]") -> Self:
        """The same task with other options, for calls like `task.override(retries=3)(x)`.

        A value replaces what was declared as a whole; nothing is merged. `None` leaves an option as it
        is. `reusable="off"` runs it in a process of its own.

        Raises:
            ValueError: the option cannot be changed, or does not exist.
        """
        for name in options:
            if name in _FIXED:
                raise ValueError(f"{name} of task {self.name} is fixed by its declaration.")
            if name not in _OVERRIDABLE:
                known = ", ".join(sorted(_OVERRIDABLE))
                raise ValueError(f"A task has no option {name!r}. Those that can be overridden: {known}.")
        given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
        if given.get("reusable") == "off":
            given["reusable"] = None
        task = self.with_options(replace(self.options, **given))
        task.declared = self.declared
        task.validate()
        return task

    def with_options(self, options: Options) -> Self:
        """The same task, declared with these options."""
        return type(self)(self.func, self.env, options)

    def validate(self) -> None:
        """Look at every option once, so that what is wrong shows where it is declared.

        Raises:
            DeclarationError: an option has a value that means nothing.
        """
        if self.options.cache is not INHERIT:
            _ = self.cache
        if self.options.retries != 0:
            _ = self.retries
        if self.options.timeout != 0:
            _ = self.timeout
        if self.options.triggers != ():
            from flyte._authoring.trigger import check_triggers

            check_triggers(self.name, self.triggers, inspect.signature(self.func).parameters)
        if self.options.links != ():
            from flyte._authoring.link import check_links

            check_links(self.name, self.links)
        limit = self.options.max_inline_io_bytes
        if isinstance(limit, bool) or not isinstance(limit, int) or limit <= 0:
            raise DeclarationError(
                f"max_inline_io_bytes={limit!r} of task {self.name} is no number of bytes.",
                hint="Use a positive whole number.",
            )

    @property
    def is_async(self) -> bool:
        """Whether a call gives something to await."""
        return self._is_coroutine_function

    @functools.cached_property
    def interface(self) -> NativeInterface:
        """Inputs and outputs. Read from the hints at first use, when every name they use exists."""
        return NativeInterface(self.name, self.func)

    @property
    def short_name(self) -> str:
        """How people see it called."""
        return self.options.short_name or self.func.__name__

    @property
    def docs(self) -> str:
        """What it does, in words: its documentation, or its docstring."""
        given = self.options.docs
        return str(getattr(given, "description", given)) if given else inspect.getdoc(self.func) or ""

    @functools.cached_property
    def retries(self) -> "RetryStrategy":
        from flyte._authoring.policies import retries_of

        return retries_of(self.options.retries)

    @functools.cached_property
    def timeout(self) -> "Timeout":
        from flyte._authoring.policies import timeout_of

        return timeout_of(self.options.timeout)

    @functools.cached_property
    def cache(self) -> "Cache":
        from flyte._authoring.policies import cache_of

        return cache_of(self._option("cache"))

    @functools.cached_property
    def body_version(self) -> str:
        """The digest of its body; see `identity.body_version`."""
        from flyte._authoring.identity import body_version

        return body_version(self.func)

    @functools.cached_property
    def version(self) -> str:
        """What decides whether two declarations are the same task, and whether outcomes are reusable."""
        from flyte._authoring.policies import VersionParameters

        cache = self.cache
        if not cache.enabled:
            return self.body_version
        return cache.version(VersionParameters(self.func, self.env.image, cache.ignored), self.body_version)

    @property
    def resources(self) -> "Resources | None":
        return cast("Resources | None", self._option("resources"))

    @property
    def reusable(self) -> "ReusePolicy | None":
        return cast("ReusePolicy | None", self._option("reusable"))

    @property
    def env_vars(self) -> Mapping[str, str]:
        return self._option("env_vars") or {}

    @property
    def secrets(self) -> "tuple[Secret, ...]":
        from flyte._authoring.secret import secrets_of

        return secrets_of(self._option("secrets"))

    @property
    def triggers(self) -> "tuple[Trigger, ...]":
        return _several(self.options.triggers)

    @property
    def links(self) -> "tuple[Link, ...]":
        return _several(self.options.links)

    @property
    def pod_template(self) -> "str | PodTemplate | None":
        return cast("str | PodTemplate | None", self._option("pod_template"))

    @property
    def service_account(self) -> str | None:
        return cast("str | None", self._option("service_account"))

    @property
    def image(self) -> "str | Image | None":
        return self.env.image

    @property
    def parent_env_name(self) -> str:
        """The name of its environment."""
        return self.env.name

    @property
    def queue(self) -> str | None:
        return cast("str | None", self._option("queue"))

    @property
    def interruptible(self) -> bool:
        return bool(self._option("interruptible"))

    def _option(self, name: str) -> Any:
        value = getattr(self.options, name)
        return getattr(self.env, name) if value is INHERIT else value

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "derived": {}}

    def __repr__(self) -> str:
        return f"<task {self.name}>"


class SyncTask(Task[P, R]):
    """A task made of a `def`."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        context = _context.current()
        if context is None:
            return self.func(*args, **kwargs)
        return cast(R, context.calls.blocking(context, self, args, kwargs))

    async def aio(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call it from async code: in a run an action to await, its body in a thread of its own."""
        context = _context.current()
        if context is None:
            return self.func(*args, **kwargs)
        return cast(R, await context.calls.awaited(context, self, args, kwargs))


class AsyncTask(Task[P, Coroutine[Any, Any, T]]):
    """A task made of an `async def`."""

    _is_coroutine_function = True

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, T]:
        context = _context.current()
        if context is None:
            return self.func(*args, **kwargs)
        return cast("Coroutine[Any, Any, T]", context.calls.awaited(context, self, args, kwargs))

    def aio(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, T]:
        """As a plain call; there so that callers need not know the colour of a task."""
        return self(*args, **kwargs)


def _several(given: Any) -> tuple[Any, ...]:
    """One thing, or several of them, as a tuple."""
    return tuple(given) if isinstance(given, tuple | list) else (given,)


def make(func: Callable[..., Any], env: "TaskEnvironment", options: Options) -> Task[..., Any]:
    """The task that a function becomes in an environment."""
    check(f"{env.name}.{getattr(func, '__name__', func)}", func)
    kind = AsyncTask if inspect.iscoroutinefunction(func) else SyncTask
    task: Task[..., Any] = kind(func, env, options)
    task.validate()
    return task
