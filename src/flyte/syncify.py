"""Functions of both colours: `syncify` gives an `async def` a blocking face, `f()`, beside `f.aio()`."""

from flyte._sync import syncify

__all__ = ["syncify"]
