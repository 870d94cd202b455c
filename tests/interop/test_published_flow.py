"""The published client says nothing of how data flows; the graph of its runs is told by content and order."""

import re
from collections import Counter
from collections.abc import Iterator

import published
import pytest
from published import Site
from terminal import Terminal

pytestmark = [pytest.mark.interop, pytest.mark.timeout(600)]

FLOWS = """
import asyncio
from dataclasses import dataclass

import flyte
from flyte.io import File

env = flyte.TaskEnvironment(name="flows")


@dataclass
class Order:
    price: float
    count: int


@env.task
async def square(i: int) -> int:
    return i * i


@env.task
async def total(xs: list[int]) -> int:
    return sum(xs)


@env.task
async def order() -> Order:
    return Order(12.5, 33)


@env.task
async def pay(price: float, label: str) -> str:
    return f"paid {price} for {label}"


@env.task
async def write(text: str) -> File:
    with open("out.txt", "w") as out:
        out.write(text)
    return await File.from_local("out.txt")


@env.task
async def read(file: File) -> int:
    async with file.open("rb") as opened:
        return len(await opened.read())


@flyte.trace
async def later(n: int) -> int:
    return n + 1000


@env.task
async def flows(n: int) -> int:
    squares = await asyncio.gather(*(square(i) for i in (6, 7)))
    added = await total(list(squares))
    bought = await order()
    paid = await pay(bought.price, "a book")
    first, second = await asyncio.gather(write(paid), write(paid))
    await read(second)
    return await later(added)


@env.task
async def alike(n: int) -> int:
    one, two = await asyncio.gather(total([n, 40]), total([40, n]))
    return await square(one)
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with published.site(tmp_path_factory.mktemp("site")) as made:
        (made.cwd / "flows.py").write_text(FLOWS)
        yield made


def arrows(site: Site, *words: str) -> Counter[str]:
    """The edges of a run by task: `source -> target.parameter`."""
    run = re.search(r"Created Run: (\S+)", site.flyte("run", "--follow", *words))
    assert run
    graph = Terminal(site.cwd, site.home).get("graph", run[1])
    assert {node["phase"] for node in graph["nodes"]} == {"succeeded"}
    assert {edge["confidence"] for edge in graph["edges"]} == {"inferred"}
    names = {node["action"]: node["name"] for node in graph["nodes"]}
    return Counter(
        f"{names[edge['source']]}{_path(edge['source_path'])} -> "
        f"{names[edge['target']]}.{edge['target_param']}{_path(edge['target_path'])}"
        for edge in graph["edges"]
    )


def _path(path: str) -> str:
    return f"{{{path}}}" if path else ""


def test_the_first_page(site: Site) -> None:
    assert arrows(site, "my_script.py", "pipeline", "--x", "5") == {
        "pipeline{x} -> step_one.x": 1,
        "step_one -> step_two.x": 1,
        "step_two -> pipeline.o0": 1,
    }


def test_lists_structures_files_and_traces(site: Site) -> None:
    assert arrows(site, "flows.py", "flows", "--n", "50") == {
        "square -> total.xs{[0]}": 1,
        "square -> total.xs{[1]}": 1,
        "order{price} -> pay.price": 1,
        "pay -> write.text": 2,
        "write -> read.file": 1,
        "total -> later.n": 1,
        "later -> flows.o0": 1,
    }


def test_of_two_producers_neither_is_chosen(site: Site) -> None:
    assert arrows(site, "flows.py", "alike", "--n", "50") == {"square -> alike.o0": 1}
