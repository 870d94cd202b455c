"""The cache key of a run's root. Children bring their own; a root is keyed here as its client would have.

Clients of the published SDK hash in their own way, with results that must be theirs for a root and a
child to share an outcome.
"""

import base64
import hashlib
from collections.abc import Iterable

import msgpack
from flyteidl2.core import literals_pb2, tasks_pb2
from flyteidl2.task import common_pb2

from flyte_core import naming
from flyte_core.model import TaskSpec
from flyte_core.wire import literals, specs
from flyte_server.services.command import runtime_of


def root_key(task: tasks_pb2.TaskTemplate, spec: TaskSpec, inputs: bytes, inputs_hash: str) -> str:
    """What the root's outcome is filed under; empty when the task is not cached.

    `inputs_hash` is what the upload of the inputs answered, if there was one.
    """
    rules = spec.policy.cache
    if not rules.enabled:
        return ""
    ignored = frozenset(rules.ignored_inputs)
    if runtime_of(task) == "godwit":
        hashed = literals.hash_named(inputs, "inputs", ignored)
        return naming.cache_key(spec.task_name, specs.hash_interface(task.interface), rules.version, hashed)
    if ignored or not inputs_hash:
        inputs_hash = published_inputs_hash(inputs, ignored)
    interface = specs.ordered_interface(task.interface).SerializeToString(deterministic=True)
    return _b64h(f"{inputs_hash}{spec.task_name}{_b64h(interface)}{rules.version}".encode())


def published_inputs_hash(inputs: bytes, ignored: frozenset[str] = frozenset()) -> str:
    """The hash of inputs as the published SDK computes it; empty without inputs."""
    named = [each for each in common_pb2.Inputs.FromString(inputs).literals if each.name not in ignored]
    return _b64h(_shown(named)) if named else ""


def _shown(named: Iterable[common_pb2.NamedLiteral]) -> bytes:
    return b"".join(b"%s:%s;" % (each.name.encode(), _repr(each.value)) for each in named)


def _repr(literal: literals_pb2.Literal) -> bytes:
    if literal.hash:
        return literal.hash.encode()
    match literal.WhichOneof("value"):
        case "collection":
            return b"".join(_repr(each) for each in literal.collection.literals)
        case "map":
            items = sorted(literal.map.literals.items())
            return b"".join(key.encode() + _repr(value) for key, value in items)
        case "scalar" if literal.scalar.binary.tag == "msgpack":
            return _sorted_msgpack(literal.scalar.binary.value)
    return literal.SerializeToString(deterministic=True)


def _sorted_msgpack(data: bytes) -> bytes:
    value = msgpack.unpackb(data, strict_map_key=False)
    packed: bytes = msgpack.packb(_with_sorted_keys(value))
    return packed


def _with_sorted_keys(value: object) -> object:
    if isinstance(value, dict):
        return {key: _with_sorted_keys(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, list):
        return [_with_sorted_keys(each) for each in value]
    return value


def _b64h(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()
