"""What a task does, in words."""

from flyte_core.frozen import frozen


@frozen
class Documentation:
    """Says what a task does, where its docstring should not: `@env.task(docs=Documentation("..."))`."""

    description: str
