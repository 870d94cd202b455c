"""Attempts: retried failures, back-off, failures that end it at once, limits of time."""

import asyncio
import time
from datetime import timedelta

import flyte
from programs.table import program

env = flyte.TaskEnvironment(name="retrying")

SOON = flyte.Backoff(base=0.01)


def attempt() -> int:
    """The number of the present attempt, from 0."""
    context = flyte.ctx()
    assert context is not None
    return context.attempt_number


@env.task(retries=flyte.RetryStrategy(3, SOON))
def flaky(failures: int) -> int:
    if attempt() < failures:
        raise ConnectionError(f"attempt {attempt()}")
    return attempt()


@env.task(retries=flyte.RetryStrategy(1, SOON))
async def always(x: int) -> int:
    raise OSError("never")


@env.task(retries=flyte.RetryStrategy(3, SOON))
def final() -> int:
    raise flyte.errors.NonRecoverableError("do not try again")


@program(0, tree="no_failure(flaky)")
@env.task
def no_failure() -> int:
    return flaky(0)


@program(1, tree="one_failure(flaky x2)")
@env.task
def one_failure() -> int:
    return flaky(1)


@program(3, tree="three_failures(flaky x4)")
@env.task
def three_failures() -> int:
    return flaky(3)


@program(fails="ConnectionError", says="attempt 3", tree="too_many_failures failed(flaky x4 failed)")
@env.task
def too_many_failures() -> int:
    return flaky(4)


@program("OSError", tree="caught_after_retries(always x2 failed)")
@env.task
async def caught_after_retries() -> str:
    try:
        await always(1)
    except flyte.errors.RuntimeUserError as error:
        return error.code
    return ""


@program(fails="NonRecoverableError", says="do not try again", tree="no_more failed(final failed)")
@env.task
def no_more() -> int:
    return final()


@program(2, tree="root_retried x3")
@env.task(retries=flyte.RetryStrategy(2, SOON))
def root_retried() -> int:
    if attempt() < 2:
        raise ValueError("not yet")
    return attempt()


@env.task
def counted(x: int) -> int:
    return x


@program(3, tree="children_are_found_again x2(2*counted)")
@env.task(retries=flyte.RetryStrategy(1, SOON))
def children_are_found_again() -> int:
    total = counted(1) + counted(2)
    if attempt() == 0:
        raise ValueError("once more")
    return total


@program(5, tree="with_growing_waits(patient x3)")
@env.task
def with_growing_waits() -> int:
    return patient()


@env.task(retries=flyte.RetryStrategy(3, flyte.Backoff(base=0.01, factor=2, cap=0.05)))
def patient() -> int:
    if attempt() < 2:
        raise ValueError("not yet")
    return 5


@program(1, tree="retries_as_a_number(numbered x2)")
@env.task
def retries_as_a_number() -> int:
    return numbered()


@env.task(retries=1)
def numbered() -> int:
    if attempt() == 0:
        raise ValueError("first")
    return attempt()


@env.task(timeout=0.3)
async def slow() -> int:
    await asyncio.sleep(60)
    return 1


@env.task(timeout=timedelta(seconds=0.4))
def slow_thread() -> int:
    for _ in range(6000):
        time.sleep(0.01)
    return 1


@program(fails="MAX_RUNTIME_EXCEEDED", tree="too_slow failed(slow timed_out)")
@env.task
async def too_slow() -> int:
    return await slow()


@program(True, tree="caught_timeout(slow timed_out)")
@env.task
async def caught_timeout() -> bool:
    try:
        await slow()
    except flyte.errors.TaskTimeoutError:
        return True
    return False


@program(True, tree="caught_timeout_of_a_thread(slow_thread timed_out)")
@env.task
def caught_timeout_of_a_thread() -> bool:
    try:
        slow_thread()
    except flyte.errors.TaskTimeoutError:
        return True
    return False


@program("MaxRuntimeExceededError", tree="named_timeout(slow timed_out)")
@env.task
async def named_timeout() -> str:
    try:
        await slow()
    except flyte.errors.BaseRuntimeError as error:
        return type(error).__name__
    return ""


@env.task(timeout=flyte.Timeout(max_runtime=60, deadline=120, max_queued_time=120))
def quick() -> int:
    return 1


@program(1, tree="well_within_limits(quick)")
@env.task
def well_within_limits() -> int:
    return quick()


@env.task(timeout=flyte.Timeout(deadline=0.5), retries=flyte.RetryStrategy(1000, flyte.Backoff(0.05)))
def never_in_time() -> int:
    raise ValueError("again")


@program("DeadlineExceededError", hurried=True)
@env.task
def deadline_of_all_attempts() -> str:
    try:
        never_in_time()
    except flyte.errors.TaskTimeoutError as error:
        return type(error).__name__
    return ""


@env.task(timeout=0.3, retries=flyte.RetryStrategy(1, SOON))
async def slow_once() -> int:
    if attempt() == 0:
        await asyncio.sleep(60)
    return attempt()


@program(1, tree="timed_out_and_tried_again(slow_once x2)")
@env.task
async def timed_out_and_tried_again() -> int:
    return await slow_once()


@program(fails="MAX_RUNTIME_EXCEEDED", tree="root_too_slow timed_out")
@env.task(timeout=0.3)
async def root_too_slow() -> int:
    await asyncio.sleep(60)
    return 1
