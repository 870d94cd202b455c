"""Turns calls of tasks into actions.

- `protocol`: what a controller does, and the call it is given
- `spec`: a task's declaration on the wire, and what names and caches follow from
- `submission`: bind, convert, hash, name: the same for local and server runs
- `local`: drives runs in this process; `remote`: hands calls to a server
"""
