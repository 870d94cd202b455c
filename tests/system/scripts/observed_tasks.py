"""Tasks whose bodies and traced calls somebody watches."""

import contextlib
from collections.abc import Iterator

import flyte
from flyte.extend import Recorder, StepInfo, TaskInfo, register_observer


class Watcher:
    """Prints what begins and what ends."""

    @contextlib.contextmanager
    def task_span(self, info: TaskInfo, recorder: Recorder) -> Iterator[None]:
        print(f"> {info.task_name} {info.attempt}")
        yield
        print(f"< {info.task_name} {type(recorder.error).__name__}")

    @contextlib.contextmanager
    def step_span(self, info: StepInfo, recorder: Recorder) -> Iterator[None]:
        yield
        print(f"- {info.name} of {info.task.task_name} {'replayed' if recorder.replayed else 'run'}")


class Broken:
    """Fails at everything."""

    def task_span(self, info: TaskInfo, recorder: Recorder) -> contextlib.AbstractContextManager[object]:
        raise RuntimeError("no span")

    step_span = task_span  # type: ignore[assignment]


env = flyte.TaskEnvironment("observed")


@flyte.trace
def step(x: int) -> int:
    return x + 1


@flyte.trace
async def step_later(x: int) -> int:
    return x + 1


@flyte.trace
def steps(n: int) -> Iterator[int]:
    yield from range(n)


@env.task(retries=flyte.RetryStrategy(1, flyte.Backoff(base=0.01)))
def watched() -> int:
    found = step(1) + sum(steps(3))
    context = flyte.ctx()
    assert context is not None
    if context.attempt_number == 0:
        raise ValueError("again")
    return found


@env.task
async def watched_later() -> int:
    return await step_later(1)


register_observer(Watcher())
register_observer(Broken())
