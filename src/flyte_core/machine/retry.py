"""Whether an attempt that did not succeed is followed by another, and when.

Two budgets. An attempt that ended by itself with an error, or ran too long, is charged to the user:
`retries=N` allows N+1 of those. An attempt that vanished (its process or machine is gone) is charged
to the system, which forgives a number of losses in a row. What happened decides who pays, not
whose fault the error says it is.
"""

from flyte_core.frozen import frozen
from flyte_core.machine import guards
from flyte_core.machine.due import span_us
from flyte_core.model import Action, Backoff, ErrorInfo

_AFTER_LOSSES = Backoff(base_s=1.0, factor=2.0, cap_s=60.0)
"""Waits between losses in a row; the first is made good at once."""


@frozen
class Charge:
    """The budgets after an attempt that did not succeed."""

    user_failures: int
    system_losses: int
    retry_after_us: int | None
    """How long to wait before the next attempt; `None`: there is none."""


def charge_user(action: Action, error: ErrorInfo) -> Charge:
    """Charge an attempt that ended by itself."""
    failures = action.user_failures + 1
    if not guards.user_may_retry(action, failures, error):
        return Charge(failures, 0, None)
    backoff = action.policy.retry.backoff
    wait_us = 0 if backoff is None else span_us(backoff.delay_s(failures - 1))
    return Charge(failures, 0, wait_us)


def charge_system(action: Action, error: ErrorInfo) -> Charge:
    """Charge an attempt that vanished."""
    losses = action.system_losses + 1
    if not guards.system_may_retry(action, losses, error):
        return Charge(action.user_failures, losses, None)
    wait_us = 0 if losses == 1 else span_us(_AFTER_LOSSES.delay_s(losses - 2))
    return Charge(action.user_failures, losses, wait_us)
