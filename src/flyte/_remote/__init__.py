"""Handles on runs and actions, and what submits a run to a server.

- `run`, `action`: what users hold
- `source`: where handles read from: `store_source` (this machine's history), `rpc_source` (a server)
- `values`: inputs and outputs as Python values
- `submit`: code bundle, specification, inputs, `CreateRun`
"""
