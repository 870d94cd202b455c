"""Time that a task can rely on: what was read or waited for is not read or waited for again in a later attempt."""

from flyte._calls.durable import now, sleep, time

__all__ = ["now", "sleep", "time"]
