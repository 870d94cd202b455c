"""What an executor does: place processes and tell when they are gone. It owns no retries."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from flyte_core.frozen import frozen
from flyte_core.model import ActionKey, ResourceRequest, Token


@frozen
class Launch:
    """One attempt to be run. Idempotent on `(key, attempt, token)`."""

    key: ActionKey
    attempt: int
    token: Token
    argv: tuple[str, ...]
    """The command, every placeholder filled in."""
    env: Mapping[str, str]
    """All variables of the attempt beyond the executor's own scrubbed base."""
    dir: Path
    """The attempt's directory (output prefix): `log`, `exit.json`, `work/` go here."""
    interpreter: str
    """The Python whose environment the command belongs to; empty: the server's own."""
    runtime: str = "godwit"
    """`godwit`: our own runtime, may be forked warm; `flyte`: the published one, exec only; `raw`: any command."""
    code: str = ""
    """What decides which code is loaded (the bundle's URI): attempts with equal code may share a zygote."""
    resources: ResourceRequest = field(default_factory=ResourceRequest)
    max_runtime_s: float | None = None
    grace_s: float = 5.0
    pool: str = ""
    """Not empty: run in a warm worker of this pool."""
    pool_replicas: int = 1
    pool_concurrency: int = 1
    pool_idle_s: float = 30.0
    inputs: bytes | None = None
    """The attempt's inputs when small: forked and warm workers get them without a file."""


class EndReason(StrEnum):
    EXIT = "exit"
    SIGNAL = "signal"
    TIMEOUT = "timeout"
    OOM = "oom"
    CANCELLED = "cancelled"
    LOST = "lost"
    LAUNCH_FAILED = "launch_failed"


@frozen
class Ended:
    """An attempt's processes are gone, all of them. Told exactly once per (key, attempt, token)."""

    key: ActionKey
    attempt: int
    token: Token
    reason: EndReason
    exit_code: int | None = None
    signal: int | None = None
    detail: str = ""
    """In words: the limit and the observed value, or what the system said."""
    log_tail: str = ""


class Executor(Protocol):
    name: str

    async def start(
        self,
        on_started: Callable[[ActionKey, int, Token, str], None],
        on_ended: Callable[[Ended], None],
    ) -> None:
        """Begin work. Callbacks run on the server's event loop; the last argument of `on_started` is the worker in words."""

    async def stop(self) -> None:
        """Let go of everything without ending any attempt."""

    def impossible(self, request: ResourceRequest) -> str | None:
        """Why this can never be placed here, in words for a person; None when it may be."""

    async def submit(self, launch: Launch) -> None:
        """Start the attempt. Failures to start arrive as `Ended(LAUNCH_FAILED)`."""

    async def reattach(self, launches: Sequence[Launch]) -> None:
        """After a restart: adopt what still runs, report what ended meanwhile, start what never started."""

    async def cancel(self, key: ActionKey, attempt: int, token: Token, grace_s: float) -> None:
        """End the attempt and everything it started: SIGTERM, then SIGKILL. Returns at once; idempotent."""

    def slots(self) -> ResourceRequest:
        """The capacity of this machine as declared to the dispatcher."""
