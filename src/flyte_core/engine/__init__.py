"""Use cases over a `Tx`: load, decide, save. Shared by the local controller and the server.

Every function takes `now` and a `Tx`, changes actions only through `machine.decide`, writes state,
events and outbox in that one unit of work, and returns what the driver must do once it has
committed. One that raises a `CoreError` has written nothing, so that others in the same unit of
work may stand (`enqueue` with several children: up to the one that was refused).

`run`, `action`, `timers` and `whole` hold the use cases; `birth`, `settle`, `cache`, `payloads` and
`guards` what they share; `api` the values that go in and out.
"""
