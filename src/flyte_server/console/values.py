"""Inputs and outputs of an action as JSON, bounded: what is large is previewed and downloaded."""

import json
from pathlib import Path

from flyteidl2.core import types_pb2
from flyteidl2.task import task_definition_pb2
from google.protobuf.message import DecodeError

from flyte_core.frozen import frozen
from flyte_core.layout import Layout
from flyte_core.model import Action, ActionKind, CoreError, PayloadRef
from flyte_core.store.ports import Reader, Role
from flyte_core.wire.literals import named as named_literals
from flyte_core.wire.literals import named_json, to_json
from flyte_server.console import media
from flyte_server.console.place import inside

MAX_INLINE = 64 << 10
"""A value whose JSON is longer than this many bytes is previewed."""

MAX_DECODED = 16 << 20
"""A value set larger than this many bytes is not decoded at all."""

_EXACT = 2**53 - 1
_PREVIEW_CHARS = 4_000
_LABELS = 6
_LABEL_CHARS = 40
_LABEL_BYTES = 8 << 10


@frozen
class ValueSet:
    """The named values of one side. `problem` says in words why there are none to show."""

    values: tuple[dict[str, object], ...] = ()
    size_bytes: int = 0
    problem: str = ""


def raw(store: Reader, layout: Layout, action: Action, role: Role) -> bytes | None:
    """The serialized value set; `None` when there is none. Raises `OSError` when its file cannot be read."""
    ref = action.inputs if role == "inputs" else action.outputs
    if ref is None:
        return None
    if not ref.uri:
        return store.payload(action.key, role)
    path = local_path(layout, ref)
    if path is None:
        raise FileNotFoundError(f"The values are kept at {ref.uri}, which this server does not read.")
    return path.read_bytes()


def local_path(layout: Layout, ref: PayloadRef) -> Path | None:
    """The payload's file, if it lies in the data directory: nothing else is ever opened."""
    return inside(layout.home, ref.uri)


def named(data: bytes, role: Role) -> dict[str, object]:
    """Each value of a set as JSON, by name."""
    return dict(named_json(data, role))


def value_set(store: Reader, layout: Layout, action: Action, role: Role) -> ValueSet:
    """One side of an action, ready to show."""
    ref = action.inputs if role == "inputs" else action.outputs
    if ref is None:
        return ValueSet()
    if ref.size_bytes > MAX_DECODED:
        return ValueSet(size_bytes=ref.size_bytes, problem="Too large to show here; download it.")
    try:
        data = raw(store, layout, action, role)
    except OSError as error:
        return ValueSet(size_bytes=ref.size_bytes, problem=f"The stored values cannot be read: {error}")
    if data is None:
        return ValueSet(size_bytes=ref.size_bytes, problem="The stored values are gone.")
    try:
        literals = named_literals(data, role)
    except CoreError as error:
        return ValueSet(size_bytes=ref.size_bytes, problem=error.message)
    types = type_names(action, role)
    shown = []
    for each in literals:
        value = _shown(each.name, to_json(each.value), types.get(each.name, ""))
        found = media.medium(each.value, layout.home)
        shown.append(value if found is None else {**value, "medium": media.describe(found)})
    return ValueSet(tuple(shown), ref.size_bytes)


def exact(value: object) -> object:
    """The value with whole numbers that a browser would round written as text."""
    if isinstance(value, dict):
        return {key: exact(each) for key, each in value.items()}
    if isinstance(value, list):
        return [exact(each) for each in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _EXACT:
        return str(value)
    return value


def _shown(name: str, value: object, type_name: str) -> dict[str, object]:
    value = exact(value)
    text = json.dumps(value, ensure_ascii=False)
    shown: dict[str, object] = {"name": name, "type": type_name, "size_bytes": len(text.encode())}
    if len(text) > MAX_INLINE:
        return {**shown, "truncated": True, "preview": text[:_PREVIEW_CHARS]}
    return {**shown, "truncated": False, "value": value}


def labels(store: Reader, action: Action) -> list[tuple[str, str]]:
    """The short scalar inputs of an action, as far as the store itself holds them: enough to tell siblings apart."""
    ref = action.inputs
    if ref is None or ref.uri or ref.size_bytes > _LABEL_BYTES:
        return []
    data = store.payload(action.key, "inputs")
    try:
        shown = named(data, "inputs") if data is not None else {}
    except CoreError:
        return []
    found: list[tuple[str, str]] = []
    for name, value in shown.items():
        if isinstance(value, str | int | float) and len(found) < _LABELS:
            text = str(value)
            found.append((name, text if len(text) <= _LABEL_CHARS else f"{text[: _LABEL_CHARS - 1]}…"))
    return found


def type_names(action: Action, role: Role) -> dict[str, str]:
    """The declared type of each input or output in words, as far as the spec tells."""
    if action.kind is not ActionKind.TASK:
        return {}
    spec = task_definition_pb2.TaskSpec()
    try:
        spec.ParseFromString(action.spec.template)
    except DecodeError:
        return {}
    interface = spec.task_template.interface
    variables = (interface.inputs if role == "inputs" else interface.outputs).variables
    return {entry.key: type_name(entry.value.type) for entry in variables}


_SIMPLE = {
    types_pb2.NONE: "None",
    types_pb2.INTEGER: "int",
    types_pb2.FLOAT: "float",
    types_pb2.STRING: "str",
    types_pb2.BOOLEAN: "bool",
    types_pb2.DATETIME: "datetime",
    types_pb2.DURATION: "timedelta",
    types_pb2.BINARY: "bytes",
    types_pb2.ERROR: "error",
    types_pb2.STRUCT: "dict",
}


def type_name(kind: types_pb2.LiteralType) -> str:
    """A literal type as Python writes it."""
    match kind.WhichOneof("type"):
        case "simple":
            title = kind.metadata.fields["title"].string_value if "title" in kind.metadata.fields else ""
            return title or _SIMPLE.get(kind.simple, "value")
        case "collection_type":
            return f"list[{type_name(kind.collection_type)}]"
        case "map_value_type":
            return f"dict[str, {type_name(kind.map_value_type)}]"
        case "blob":
            multipart = kind.blob.dimensionality == types_pb2.BlobType.MULTIPART
            if kind.blob.format == "PythonPickle":
                return "pickled object"
            return "Dir" if multipart else "File"
        case "structured_dataset_type":
            return "DataFrame"
        case "enum_type":
            return "enum"
        case "union_type":
            return " | ".join(dict.fromkeys(type_name(variant) for variant in kind.union_type.variants))
        case _:
            return ""
