"""Beside tasks: `flyte.map` over many inputs, `@flyte.trace` for functions that are no tasks.

    flyte run 05_beside_tasks.py lengths --words '["one", "three", ""]'

The run has five actions: `lengths`, the trace `load`, and `length` once for each word, one of which
fails and is taken as the exception that it is. The result is [3, 5, -1].
"""

import flyte

env = flyte.TaskEnvironment(name="beside")


@flyte.trace
def load(words: list[str]) -> list[str]:
    """Recorded like a task, but run where it is called; not run again when `lengths` is tried again."""
    return [word.strip() for word in words]


@env.task
def length(word: str) -> int:
    if not word:
        raise ValueError("no word")
    return len(word)


@env.task
def lengths(words: list[str]) -> list[int]:
    found = flyte.map(length, load(words), concurrency=2)
    return [-1 if isinstance(each, Exception) else each for each in found]
