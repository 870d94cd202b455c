"""What can go wrong, and what is done about it: retries, a limit of time, a cache.

    flyte run 03_robust.py report --city Ushuaia

The first attempt of `fetch` fails on purpose; the second succeeds. Run it again: `count` is taken
from the cache. The result is "Ushuaia: 7 letters".
"""

import flyte

env = flyte.TaskEnvironment(name="robust")


@env.task(retries=3, timeout=60)
def fetch(city: str) -> str:
    context = flyte.ctx()
    if context is not None and context.attempt_number == 0:
        raise ConnectionError(f"{city} does not answer")
    return city


@env.task(cache="auto")
def count(text: str) -> int:
    print("counting", text)
    return len(text)


@env.task
def report(city: str) -> str:
    name = fetch(city)
    return f"{name}: {count(name)} letters"
