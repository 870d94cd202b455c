"""How often, how long, and whether again: retries, timeouts, caching, reuse of processes."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Literal, Protocol, TypeGuard

from flyte.errors import DeclarationError
from flyte_core.frozen import frozen

Seconds = int | float | timedelta
"""A length of time: a number of seconds, or a timedelta."""


def seconds(value: object, what: str) -> float:
    """A length of time in seconds.

    Raises:
        DeclarationError: it is none, or negative; `what` names it.
    """
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise DeclarationError(
            f"{what} is {value!r}, which is no length of time.",
            hint="Write a number of seconds or a datetime.timedelta, not negative.",
        )
    return float(value)


@frozen
class Backoff:
    """The wait before the n-th retry, counted from 0: `min(base * factor**n, cap)`.

    A factor above 1 needs a cap, or the wait would grow beyond all bounds.
    """

    base: Seconds
    factor: float = 1.0
    cap: Seconds | None = None

    def __post_init__(self) -> None:
        seconds(self.base, "Backoff(base=...)")
        if not self.factor >= 1:
            raise DeclarationError(f"Backoff(factor={self.factor!r}) is below 1.", hint="Use 1 or more.")
        if self.cap is not None:
            seconds(self.cap, "Backoff(cap=...)")
        elif self.factor > 1:
            raise DeclarationError(
                f"Backoff(factor={self.factor!r}) grows without bound.", hint="Give the longest wait as cap=."
            )

    @property
    def base_s(self) -> float:
        return seconds(self.base, "base")

    @property
    def cap_s(self) -> float | None:
        return None if self.cap is None else seconds(self.cap, "cap")


@frozen
class RetryStrategy:
    """`count` attempts beyond the first, for failures of user code."""

    count: int
    backoff: Backoff | None = None

    def __post_init__(self) -> None:
        if isinstance(self.count, bool) or not isinstance(self.count, int) or self.count < 0:
            raise DeclarationError(
                f"retries={self.count!r} is no number of retries.", hint="Use 0 or a positive whole number."
            )


@frozen
class Timeout:
    """Limits; `None` or 0 means no limit.

    Attributes:
        max_runtime: For one attempt, from the moment user code starts.
        max_queued_time: For one stay in the queue.
        deadline: For the action as a whole, retries and waits included.
    """

    max_runtime: Seconds | None = None
    max_queued_time: Seconds | None = None
    deadline: Seconds | None = None

    def __post_init__(self) -> None:
        for name in ("max_runtime", "max_queued_time", "deadline"):
            self._limit(name)

    def _limit(self, name: str) -> float | None:
        value = getattr(self, name)
        return None if value is None else seconds(value, f"Timeout({name}=...)") or None

    @property
    def max_runtime_s(self) -> float | None:
        return self._limit("max_runtime")

    @property
    def max_queued_s(self) -> float | None:
        return self._limit("max_queued_time")

    @property
    def deadline_s(self) -> float | None:
        return self._limit("deadline")


TimeoutType = Timeout | int | timedelta
"""What a task's `timeout=` takes."""


@frozen
class VersionParameters:
    """What a `CachePolicy` may look at to say which version of a task it has before it."""

    func: Callable[..., Any]
    image: Any = None
    ignored_inputs: tuple[str, ...] = ()


class CachePolicy(Protocol):
    """Says when outcomes of a task stop being reusable: when the version it returns changes."""

    def get_version(self, salt: str, params: VersionParameters) -> str:
        """A text that differs whenever earlier outcomes must not be reused."""


class FunctionBodyPolicy:
    """What holds where no policy is given: the version follows from the function's body."""

    def get_version(self, salt: str, params: VersionParameters) -> str:
        from flyte._authoring.identity import body_version

        return f"{body_version(params.func)}{salt}"


@frozen
class Cache:
    """Whether outcomes of earlier calls with the same inputs are reused.

    Attributes:
        behavior: `auto`: the version follows from the function's body; `override`: it is
            `version_override`; `disable`: every call runs.
        serialize: Of several identical calls at once only one runs; the others take its outcome.
        ignored_inputs: Inputs that do not count.
        salt: Mixed into an automatic version.
        policies: Instead of the function's body, these give the automatic version.
        max_age: Older outcomes are not reused.
    """

    behavior: Literal["auto", "override", "disable"]
    version_override: str | None = None
    serialize: bool = False
    ignored_inputs: tuple[str, ...] | str = ()
    salt: str = ""
    policies: tuple[CachePolicy, ...] | list[CachePolicy] | CachePolicy | None = None
    max_age: Seconds | None = None

    def __post_init__(self) -> None:
        if self.behavior not in ("auto", "override", "disable"):
            raise DeclarationError(
                f"Cache(behavior={self.behavior!r}) is unknown.", hint="Use auto, override or disable."
            )
        if self.behavior == "override" and not self.version_override:
            raise DeclarationError(
                "Cache(behavior='override') needs a version.", hint='Give one: version_override="v1".'
            )
        if self.max_age is not None:
            seconds(self.max_age, "Cache(max_age=...)")

    @property
    def enabled(self) -> bool:
        return self.behavior != "disable"

    @property
    def ignored(self) -> tuple[str, ...]:
        given = self.ignored_inputs
        return (given,) if isinstance(given, str) else tuple(given)

    @property
    def max_age_s(self) -> float | None:
        return None if self.max_age is None else seconds(self.max_age, "max_age")

    def version(self, params: VersionParameters, body_version: str) -> str:
        """The version in force, for a function whose body has the given one."""
        if self.version_override:
            return self.version_override
        policies = self.policies
        if policies is None:
            return f"{body_version}{self.salt}" if self.salt else body_version
        several = policies if isinstance(policies, list | tuple) else (policies,)
        return "-".join(policy.get_version(self.salt, params) for policy in several)


DISABLED = Cache("disable")

CacheRequest = Literal["auto", "override", "disable"] | Cache | bool

_WORDS: dict[object, Cache] = {
    "auto": Cache("auto"),
    "on": Cache("auto"),
    "enable": Cache("auto"),
    "enabled": Cache("auto"),
    "true": Cache("auto"),
    True: Cache("auto"),
    "disable": DISABLED,
    "disabled": DISABLED,
    "off": DISABLED,
    "false": DISABLED,
    False: DISABLED,
}


def cache_of(request: object) -> Cache:
    """The `Cache` that a word, a truth value or a `Cache` stands for."""
    if isinstance(request, Cache):
        return request
    if request == "override":
        return Cache("override")
    word = request.lower() if isinstance(request, str) else request
    found = _WORDS.get(word) if isinstance(word, str | bool) else None
    if found is None:
        raise DeclarationError(
            f"cache={request!r} is unknown.", hint='Use "auto", "disable", or flyte.Cache(...).'
        )
    return found


def retries_of(request: object) -> RetryStrategy:
    """The strategy that a number or a `RetryStrategy` stands for."""
    return request if isinstance(request, RetryStrategy) else RetryStrategy(request)  # type: ignore[arg-type]


def timeout_of(request: object) -> Timeout:
    """The limits that a length of time (for one attempt) or a `Timeout` stands for."""
    if isinstance(request, Timeout):
        return request
    return Timeout(max_runtime=request)  # type: ignore[arg-type]


def _pair(value: object) -> TypeGuard[tuple[int, int]]:
    return (
        isinstance(value, tuple)
        and len(value) == 2
        and all(isinstance(each, int) and not isinstance(each, bool) for each in value)
        and 0 <= value[0] <= value[1]
        and value[1] >= 1
    )


@frozen
class ReusePolicy:
    """Attempts run in worker processes that are kept warm, instead of one process each.

    Attributes:
        replicas: How many processes, or (at least, at most).
        concurrency: How many attempts one process runs at a time (more than 1: async tasks only).
        idle_ttl: A pool with no work for so long is ended.
        scaledown_ttl: A process with no work for so long is ended while others have some.
        scope: `global`: shared by all runs; `run`: each run has its own.
    """

    replicas: int | tuple[int, int] = 2
    idle_ttl: Seconds = 30
    concurrency: int = 1
    scaledown_ttl: Seconds = 30
    scope: Literal["global", "run"] = "global"

    def __post_init__(self) -> None:
        if not _pair(self.bounds):
            raise DeclarationError(
                f"ReusePolicy(replicas={self.replicas!r}) is no number of processes.",
                hint="Use a number from 1, or (at least, at most).",
            )
        if isinstance(self.concurrency, bool) or not self.concurrency >= 1:
            raise DeclarationError(
                f"ReusePolicy(concurrency={self.concurrency!r}) is below 1.", hint="Use 1 or more."
            )
        if self.scope not in ("global", "run"):
            raise DeclarationError(
                f"ReusePolicy(scope={self.scope!r}) is unknown.", hint="Use global or run."
            )
        seconds(self.idle_ttl, "ReusePolicy(idle_ttl=...)")
        seconds(self.scaledown_ttl, "ReusePolicy(scaledown_ttl=...)")

    @property
    def bounds(self) -> tuple[int, int]:
        """At least and at most so many processes."""
        return (self.replicas, self.replicas) if isinstance(self.replicas, int) else self.replicas

    @property
    def idle_ttl_s(self) -> float:
        return seconds(self.idle_ttl, "idle_ttl")

    @property
    def scaledown_ttl_s(self) -> float:
        return seconds(self.scaledown_ttl, "scaledown_ttl")


def check_concurrency(limit: int | None) -> int:
    """A limit of actions at once; 0 for none.

    Raises:
        DeclarationError: it is no number, or negative.
    """
    if limit is None or (isinstance(limit, int) and limit >= 0):
        return limit or 0
    raise DeclarationError(
        f"max_action_concurrency={limit!r} is no limit.", hint="Use 0 (any number), or more."
    )
