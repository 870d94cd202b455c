"""What a task does, in words."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Documentation:
    """Says what a task does, where its docstring should not: `@env.task(docs=Documentation("..."))`."""

    description: str
