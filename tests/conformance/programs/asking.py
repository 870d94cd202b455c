"""Conditions: questions that somebody answers while the run waits."""

import asyncio
from datetime import timedelta

import flyte
from flyte import errors
from programs.table import program

env = flyte.TaskEnvironment(name="asking")

SOON = flyte.RetryStrategy(1, flyte.Backoff(base=0.01))


@program(True, tree="asks(approve)", answers={"approve": True})
@env.task
def asks() -> bool:
    return flyte.new_condition("approve", prompt="Go on?").wait()


@program(False, tree="asks_later(approve)", answers={"approve": False})
@env.task
async def asks_later() -> bool:
    condition = await flyte.new_condition.aio("approve", prompt="**Go on?**", prompt_type="markdown")
    return bool(await condition.wait.aio())


@program(
    ["3 int", "0.5 float", "ünï\ncode str"],
    tree="asks_for_values(count, share, text)",
    answers={"count": 3, "share": 0.5, "text": "ünï\ncode"},
)
@env.task
def asks_for_values() -> list[str]:
    found = []
    for name, kind in (("count", int), ("share", float), ("text", str)):
        value = flyte.new_condition(name, data_type=kind, description="A value.").wait()
        found.append(f"{value} {type(value).__name__}")
    return found


@program([1, 2, 3], answers={"q0": 1, "q1": 2, "q2": 3}, ordered=False)
@env.task
async def asks_many_at_once() -> list[int]:
    async def one(number: int) -> int:
        question = await flyte.new_condition.aio(f"q{number}", data_type=int)
        return int(await question.wait.aio())

    return list(await asyncio.gather(*map(one, range(3))))


@env.task
def child(name: str) -> bool:
    return flyte.new_condition(name).wait()


@program([True, False], tree="children_ask(child(a), child(b))", answers={"a": True, "b": False})
@env.task
def children_ask() -> list[bool]:
    return [child("a"), child("b")]


@program("again", tree="answer_outlives_the_attempt x2(word)", answers={"word": "again"})
@env.task(retries=SOON)
def answer_outlives_the_attempt() -> str:
    word = flyte.new_condition("word", data_type=str).wait()
    context = flyte.ctx()
    assert context is not None
    if context.attempt_number == 0:
        raise ValueError("after the answer")
    return str(word)


@program("nobody", tree="nobody_answers(silence timed_out)")
@env.task
def nobody_answers() -> str:
    try:
        flyte.new_condition("silence", timeout=timedelta(milliseconds=50)).wait()
    except errors.ConditionTimedoutError:
        return "nobody"
    return "somebody"


@program(fails="ConditionTimedoutError", tree="silence_is_a_failure failed(silence timed_out)")
@env.task
def silence_is_a_failure() -> bool:
    return flyte.new_condition("silence", timeout=0.05).wait()


@program("given up", tree="gives_up(forgotten aborted)")
@env.task
async def gives_up() -> str:
    condition = await flyte.new_condition.aio("forgotten")
    try:
        await asyncio.wait_for(condition.wait.aio(), 0.05)
    except TimeoutError:
        return "given up"
    return "answered"


@program("twice", tree="asks_a_name_twice(approve)", answers={"approve": True})
@env.task
async def asks_a_name_twice() -> str:
    first = await flyte.new_condition.aio("approve")
    try:
        await flyte.new_condition.aio("approve")
    except errors.ConditionAlreadyExistsError:
        assert await first.wait.aio()
        return "twice"
    return "once"


@program(fails="SyncTaskCallInAsyncContextError")
@env.task
async def asks_on_the_loop() -> bool:
    return flyte.new_condition("approve").wait()
