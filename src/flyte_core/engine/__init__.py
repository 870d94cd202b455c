"""Use cases over a `Tx`: load, decide, save. Shared by the local controller and the server.

Every function takes `now` and a `Tx`, changes actions only through `machine.decide`, writes state,
events and outbox in that one unit of work, and returns what the driver must do once it has
committed. See `flyte_core.engine.run`, `.action` and `.timers`.
"""
