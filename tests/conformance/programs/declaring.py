"""Defaults, overrides, environments, the context, what is given to a run."""

import asyncio
import os
import time
from enum import Enum

import flyte
from programs.table import program

env = flyte.TaskEnvironment(
    name="declaring",
    env_vars={"FROM_ENVIRONMENT": "e"},
    resources=flyte.Resources(cpu=1, memory="100Mi"),
    description="what tasks say about themselves",
)


greedy = flyte.TaskEnvironment(
    name="greedy", resources=flyte.Resources(cpu=("512", "1024"), memory="4Ti"), depends_on=[env]
)
roomy = flyte.TaskEnvironment(name="roomy", resources=flyte.Resources(memory=("10Mi", "2Gi")))


class Level(Enum):
    LOW = 1
    HIGH = 2


@env.task
def with_defaults(
    x: int = 3, name: str = "n", level: Level = Level.LOW, more: list[int] | None = None
) -> str:
    return f"{x} {name} {level.name} {more}"


@program("3 n LOW None", tree="all_defaults(with_defaults)")
@env.task
def all_defaults() -> str:
    return with_defaults()


@program("3 z HIGH [1]", tree="some_defaults(with_defaults)")
@env.task
def some_defaults() -> str:
    return with_defaults(name="z", level=Level.HIGH, more=[1])


@program("5 d")
@env.task
def root_defaults(x: int = 5, name: str = "d") -> str:
    return f"{x} {name}"


@program("6 d", x=6)
@env.task
def root_default_replaced(x: int = 5, name: str = "d") -> str:
    return f"{x} {name}"


@env.task(retries=2)
def tries() -> int:
    context = flyte.ctx()
    assert context is not None
    if context.attempt_number < 1:
        raise ValueError("once")
    return context.attempt_number


@program(fails="ValueError", tree="retries_overridden failed(tries failed)")
@env.task
def retries_overridden() -> int:
    return tries.override(retries=0)()


@program(1, tree="named_by_override(Other name x2)")
@env.task
def named_by_override() -> int:
    return tries.override(short_name="Other name", retries=flyte.RetryStrategy(2, flyte.Backoff(base=0.01)))()


@program("e", tree="variables_of_the_environment(reads)")
@env.task
def variables_of_the_environment() -> str:
    return reads("FROM_ENVIRONMENT")


@env.task
def reads(name: str) -> str:
    return os.environ.get(name, "")


@program("o", tree="variables_overridden(reads)")
@env.task
def variables_overridden() -> str:
    return reads.override(env_vars={"FROM_ENVIRONMENT": "o"})("FROM_ENVIRONMENT")


@program("r", tree="variables_of_the_run(reads)", options={"env_vars": {"OF_THE_RUN": "r"}})
@env.task
def variables_of_the_run() -> str:
    return reads("OF_THE_RUN")


@program(["context_of_a_root", True, 0, True, True])
@env.task
def context_of_a_root() -> list[object]:
    context = flyte.ctx()
    assert context is not None
    return [
        "context_of_a_root",
        context.action.name == "a0",
        context.attempt_number,
        context.run_start_time.tzinfo is not None,
        bool(context.action.run_name),
    ]


@env.task
def own_name() -> str:
    context = flyte.ctx()
    assert context is not None
    return context.action.name


@program(True, tree="context_of_a_child(2*own_name)")
@env.task
def context_of_a_child() -> bool:
    first, second = own_name(), own_name()
    return "a0" not in (first, second) and first != second


@program("blue", tree="custom_context(colour)", options={"custom_context": {"colour": "blue"}})
@env.task
def custom_context() -> str:
    return colour()


@env.task
def colour() -> str:
    return flyte.get_custom_context().get("colour", "none")


@program(["none", "red", "none"], tree="custom_context_scope(3*colour)")
@env.task
def custom_context_scope() -> list[str]:
    before = colour()
    with flyte.custom_context(colour="red"):
        within = colour()
    return [before, within, colour()]


@program(True, tree="same_start_for_all(began)")
@env.task
def same_start_for_all() -> bool:
    context = flyte.ctx()
    assert context is not None
    return context.run_start_time.isoformat() == began()


@env.task
def began() -> str:
    context = flyte.ctx()
    assert context is not None
    return context.run_start_time.isoformat()


@program("printed", tree="what_is_printed(prints)")
@env.task
def what_is_printed() -> str:
    print("before")
    prints(3)
    print("after")
    return "printed"


@env.task
def prints(n: int) -> None:
    for each in range(n):
        print("line", each)
    print("no end of line", end="")


@program("logged")
@env.task
def what_is_logged() -> str:
    flyte.logger.info("told")
    return "logged"


warm = flyte.TaskEnvironment(name="declaring_warm", reusable=flyte.ReusePolicy(replicas=1, idle_ttl=60))


@warm.task
def kept(x: int) -> int:
    return x + 1


@program(4, tree="warm_workers(4*kept)")
@env.task
def warm_workers() -> int:
    x = 0
    for _ in range(4):
        x = kept(x)
    return x


@program(fails="ValueError", tree="warm_failure failed(kept_failing failed)")
@env.task
def warm_failure() -> int:
    return kept_failing(1)


@warm.task
def kept_failing(x: int) -> int:
    raise ValueError("warm")


@program(2, labels_too="x", options={"labels": {"team": "ml"}, "annotations": {"a": "b"}})
@env.task
def labelled(labels_too: str) -> int:
    return len(labels_too) + 1


@env.task(interruptible=True, queue="anywhere", report=False, entrypoint=True)
def accepted_options(x: int) -> int:
    return x


@program(3, tree="platform_options(accepted_options)")
@env.task
def platform_options() -> int:
    return accepted_options(3)


big = flyte.TaskEnvironment(
    name="declaring-big",
    image=flyte.Image.from_debian_base().with_pip_packages("pandas"),
    resources=flyte.Resources(cpu="500m", memory=("100Mi", "200Mi")),
    secrets=[],
    depends_on=[env],
)


@program(5)
@big.task
def with_an_image(x: int = 4) -> int:
    return x + 1


@greedy.task
async def large_square(x: int) -> int:
    return x * x


@program([0, 1, 4], tree="more_than_there_is(3*large_square)")
@greedy.task
async def more_than_there_is() -> list[int]:
    return list(await asyncio.gather(*(large_square(x) for x in range(3))))


@program(50_000_000)
@roomy.task
def more_than_requested() -> int:
    held = bytearray(50_000_000)
    time.sleep(0.3)
    return len(held)
