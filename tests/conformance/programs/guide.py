"""In the style of the user guide: what somebody writes in their first weeks."""

import asyncio
import random
from dataclasses import dataclass
from datetime import timedelta

import flyte
from programs.table import program

env = flyte.TaskEnvironment(
    name="guide", image="auto", resources=flyte.Resources(cpu=1, memory="200Mi"), cache="disable"
)


@program("Hello, World!", tree="greet", name="World")
@env.task
def greet(name: str) -> str:
    return f"Hello, {name}!"


@env.task
def slope(x: list[int], y: list[int]) -> float:
    n = len(x)
    top = n * sum(a * b for a, b in zip(x, y, strict=True)) - sum(x) * sum(y)
    return top / (n * sum(a * a for a in x) - sum(x) ** 2)


@env.task
def intercept(x: list[int], y: list[int], m: float) -> float:
    return (sum(y) - m * sum(x)) / len(x)


@program(5.0, tree="line(slope, intercept)", x=[1, 2, 3], y=[3, 5, 7])
@env.task
def line(x: list[int], y: list[int]) -> float:
    m = slope(x, y)
    return intercept(x, y, m) + 2 * m


@env.task
async def fetch(page: int) -> str:
    await asyncio.sleep(0.001)
    return f"page {page}"


@env.task
async def count_words(text: str) -> int:
    return len(text.split())


@program(6, tree="crawl(fetch all[3*fetch], count[3*count_words])")
@env.task
async def crawl() -> int:
    with flyte.group("fetch all"):
        pages = await asyncio.gather(*(fetch(n) for n in range(3)))
    with flyte.group("count"):
        counts = await asyncio.gather(*(count_words(page) for page in pages))
    return sum(counts)


@dataclass
class Params:
    rate: float
    depth: int


@dataclass
class Score:
    params: Params
    loss: float


@env.task(cache="auto")
async def train(params: Params) -> Score:
    return Score(params, abs(params.rate - 0.1) + abs(params.depth - 3))


@program(3, tree="search(sweep[4*train])")
@env.task
async def search() -> int:
    grid = [Params(rate, depth) for rate in (0.1, 0.5) for depth in (2, 3)]
    with flyte.group("sweep"):
        scores = await asyncio.gather(*(train(params) for params in grid))
    return min(scores, key=lambda score: score.loss).params.depth


@flyte.trace
async def ask_model(prompt: str) -> str:
    return {"plan": "look up;answer", "look up": "42", "answer": "it is 42"}[prompt]


@program("it is 42", tree="agent(3*ask_model)")
@env.task(retries=2)
async def agent() -> str:
    steps = (await ask_model("plan")).split(";")
    found = ""
    for step in steps:
        found = await ask_model(step)
    return found


@env.task(
    retries=flyte.RetryStrategy(count=3, backoff=flyte.Backoff(base=0.01)), timeout=timedelta(minutes=1)
)
async def unreliable(seed: int) -> int:
    context = flyte.ctx()
    assert context is not None
    if context.attempt_number < seed % 3:
        raise ConnectionError("try later")
    return seed


@program([0, 1, 2], tree="robust(unreliable, unreliable x2, unreliable x3)")
@env.task
async def robust() -> list[int]:
    return list(await asyncio.gather(*(unreliable(seed) for seed in range(3))))


@env.task
def memory_hungry(n: int) -> str:
    if n > 100:
        raise flyte.errors.OOMError("more than there is")
    return f"fine with {n}"


@program("fine with 50", tree="less_on_failure(memory_hungry failed, memory_hungry)")
@env.task
def less_on_failure() -> str:
    n = 200
    while True:
        try:
            return memory_hungry(n)
        except flyte.errors.OOMError:
            n //= 4


@env.task
def extract() -> list[dict[str, int]]:
    return [{"id": n, "value": n * n} for n in range(4)]


@env.task
def transform(row: dict[str, int]) -> dict[str, int]:
    return {**row, "value": row["value"] + 1}


@env.task
def load(rows: list[dict[str, int]]) -> int:
    return sum(row["value"] for row in rows)


@program(18, tree="etl(extract, transform_map[4*transform], load)")
@env.task
def etl() -> int:
    rows = extract()
    return load([row for row in flyte.map(transform, rows) if isinstance(row, dict)])


@program("small", tree="conditional(sample, when_small)")
@env.task
def conditional() -> str:
    return when_small() if sample(7) < 10 else when_large()


@env.task
def sample(seed: int) -> int:
    return random.Random(seed).randint(0, 9)


@env.task
def when_small() -> str:
    return "small"


@env.task
def when_large() -> str:
    return "large"


@env.task
def merge(left: list[int], right: list[int]) -> list[int]:
    return sorted(left + right)


@program([1, 2, 3, 4], values=[4, 1, 3, 2])
@env.task
async def merge_sort(values: list[int]) -> list[int]:
    if len(values) <= 1:
        return values
    half = len(values) // 2
    left, right = await asyncio.gather(merge_sort(values[:half]), merge_sort(values[half:]))
    return await merge.aio(left, right)
