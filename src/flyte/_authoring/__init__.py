"""Declarations as values, without protobuf: environments, tasks, interfaces, policies.

- `environment`, `task`: `TaskEnvironment` and what its decorator makes of a function
- `interface`: inputs and outputs of a function as its signature and type hints tell them
- `identity`: what makes two versions of a function the same
- `policies`, `resources`, `image`, `secret`: what may be declared about a task
- `invoke`: serialized inputs -> the body -> serialized outputs
"""
