"""What a task declares about how it may run. Every number names its unit."""

from dataclasses import field, replace
from typing import TypeVar

from flyte_core.frozen import frozen

N = TypeVar("N", int, float)


@frozen
class Backoff:
    """The wait before the n-th retry (from 0): `min(base_s * factor**n, cap_s)`."""

    base_s: float
    factor: float = 1.0
    cap_s: float | None = None

    def delay_s(self, retry: int) -> float:
        """Seconds to wait before retry number `retry`, counted from 0."""
        try:
            delay = self.base_s * self.factor**retry
        except OverflowError:
            delay = float("inf")
        return delay if self.cap_s is None else min(delay, self.cap_s)


@frozen
class RetryPolicy:
    """Two budgets: failures of user code, and losses of the machinery under it."""

    user_retries: int = 0
    backoff: Backoff | None = None
    system_retries: int = 3
    """How many losses in a row are forgiven."""


@frozen
class TimeoutPolicy:
    """Limits in seconds; `None` means no limit."""

    max_runtime_s: float | None = None
    """For one attempt, from the moment user code starts."""
    max_queued_s: float | None = None
    """For one stay in the queue, resources included."""
    deadline_s: float | None = None
    """For the action as a whole, from its creation, retries included."""


@frozen
class CachePolicy:
    """Whether outcomes are reused. The key is computed by whoever creates the action."""

    enabled: bool = False
    version: str = ""
    serialize: bool = False
    ignored_inputs: tuple[str, ...] = ()
    max_age_s: float | None = None
    """Older outcomes are not reused; `None`: any age."""


@frozen
class ResourceRequest:
    """What one attempt needs. `None` means not declared."""

    cpu: float | None = None
    memory_bytes: int | None = None
    gpu: int = 0
    memory_limit_bytes: int | None = None
    """What it may use; `None`: what it asks for."""
    device: str = ""
    """The model of the devices that `gpu` counts; empty: any."""
    device_kind: str = ""
    """What they are, in a word, when they are no NVIDIA GPUs."""

    def within(self, there: "ResourceRequest") -> "ResourceRequest":
        """What is asked for, CPUs and memory cut to what there is. Devices are there or not."""
        return replace(
            self,
            cpu=_least(self.cpu, there.cpu),
            memory_bytes=_least(self.memory_bytes, there.memory_bytes),
        )


@frozen
class Policy:
    """Everything the state machine needs to know about a task."""

    retry: RetryPolicy = field(default_factory=RetryPolicy)
    timeout: TimeoutPolicy = field(default_factory=TimeoutPolicy)
    cache: CachePolicy = field(default_factory=CachePolicy)
    resources: ResourceRequest = field(default_factory=ResourceRequest)
    report: bool = False
    """The task writes a report."""
    warm: bool = False
    """The task's environment declares a ReusePolicy: attempts run in warm workers."""


def _least(asked: N | None, there: N | None) -> N | None:
    """The smaller; None when nothing is asked for, all that is asked where what there is is not known."""
    return asked if asked is None or there is None else min(asked, there)
