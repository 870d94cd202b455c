"""What is used inside a task, beside calls of other tasks.

- `map`: a task over many inputs
- `trace`: functions that are recorded without being tasks

Groups and the context are in `flyte._context`: they need nothing but the context variable.
"""
