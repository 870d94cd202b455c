"""Where runs are kept: one interface, an in-memory reference and SQLite behind it.

The store lives in the core because three parties share one history: the server, local runs and
readers such as `flyte get` (see docs/adr/0002).
"""
