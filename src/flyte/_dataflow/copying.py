"""What copies of values, and values of another shape with the same parts, do to provenance."""

import copy
import dataclasses
import json
from collections import deque
from typing import Any, Final

from flyte._dataflow.calls import Call
from flyte._dataflow.iterating import Model, argument
from flyte._dataflow.prov import Prov, child, derive
from flyte._dataflow.seen import Seen

_DEEP: Final = 12
_ATOMS: Final = (int, float, str, bytes, bool, type(None))


class Written(Prov):
    """Of a text that tells a whole value."""

    __slots__ = ("inside",)

    def __init__(self, prov: Prov, inside: Prov | None) -> None:
        super().__init__(prov.origins)
        self.inside = inside


def part_of(seen: Seen, holder: Any, whole: Prov | None, key: Any) -> Prov | None:
    """Of an attribute or an item by name."""
    if whole is not None and isinstance(whole.parts, list):
        fields = getattr(holder, "_fields", ())
        key = fields.index(key) if key in fields else key
    found = child(whole, key)
    return found if found is not None else seen.of(inner(holder, key))


def inner(holder: Any, key: Any) -> Any:
    """A part that is there without running anything."""
    if isinstance(holder, dict):
        return holder.get(key)
    if isinstance(holder, list | tuple):
        return holder[key] if isinstance(key, int) and key < len(holder) else None
    return getattr(holder, "__dict__", {}).get(key) if isinstance(key, str) else None


def mirrored(seen: Seen, given: Any, prov: Prov | None, value: Any, deep: int = _DEEP) -> Prov | None:
    """Of a value that has the parts of another under the same names."""
    whole = seen.whole(given, prov)
    if deep < 0:
        return derive(whole)
    if isinstance(value, dict):
        keys = list(value)
    elif isinstance(value, list | tuple):
        keys = list(range(len(value)))
        if not isinstance(given, list | tuple) and dataclasses.is_dataclass(given):
            names = [each.name for each in dataclasses.fields(given)]
            provs = [
                mirrored(seen, inner(given, name), part_of(seen, given, whole, name), each, deep - 1)
                for name, each in zip(names, value, strict=False)
            ]
            return Prov((), provs)
    else:
        return whole
    parts = {
        key: mirrored(seen, inner(given, key), part_of(seen, given, whole, key), value[key], deep - 1)
        for key in keys
    }
    return Prov((), parts if isinstance(value, dict) else list(parts.values()))


def _mirror(seen: Seen, call: Call, value: Any) -> Prov | None:
    """`dataclasses.asdict(x)`, `x.model_dump()`"""
    given, prov = argument(call, 0) if call.positional() else (_self(call), call.holder)
    return mirrored(seen, given, prov, value)


def _self(call: Call) -> Any:
    return getattr(call.function, "__self__", None)


# -- Copies ------------------------------------------------------------------------------------------


def _copy(seen: Seen, call: Call, value: Any) -> Prov | None:
    given, prov = argument(call, 0) if call.positional() else (_self(call), call.holder)
    whole = seen.whole(given, prov)
    if whole is None or type(whole) is not Prov:
        return whole
    parts = whole.parts
    if parts is None:
        return Prov(whole.origins)
    return Prov(whole.origins, list(parts) if isinstance(parts, list) else dict(parts))


def _deepcopy(seen: Seen, call: Call, value: Any) -> Prov | None:
    given, prov = argument(call, 0)
    whole = seen.whole(given, prov)
    if value is given:
        return whole
    _attach_copies(seen, given, value, _DEEP)
    return _deep(whole, _DEEP)


def _deep(prov: Prov | None, deep: int) -> Prov | None:
    if prov is None or deep < 0 or type(prov) is not Prov:
        return prov
    made = Prov(prov.origins)
    if isinstance(prov.parts, list):
        made.parts = [_deep(each, deep - 1) for each in prov.parts]
    elif prov.parts is not None:
        made.parts = {key: _deep(each, deep - 1) for key, each in prov.parts.items()}
    if prov.kids is not None:
        made.kids = {key: copied for key, each in prov.kids.items() if (copied := _deep(each, deep - 1))}
    return made


def _attach_copies(seen: Seen, given: Any, value: Any, deep: int) -> None:
    """What is known by identity inside a value is known of the copy, too."""
    if deep < 0 or value is given or isinstance(value, _ATOMS):
        return
    for key, each in _parts(value):
        before = inner(given, key)
        known = seen.of(before) if each is not before else None
        if known is not None:
            copied = _deep(known, _DEEP)
            if copied is not None:
                seen.attach(each, copied)
        _attach_copies(seen, before, each, deep - 1)


def _parts(value: Any) -> "list[tuple[Any, Any]]":
    if isinstance(value, dict):
        return list(value.items())
    if isinstance(value, list | tuple | deque):
        return list(enumerate(value))
    return list(getattr(value, "__dict__", {}).items())


def _replaced(seen: Seen, call: Call, value: Any) -> Prov | None:
    """`dataclasses.replace(given, name=...)`, `x._replace(name=...)`, `x.model_copy(update={...})`"""
    given, prov = argument(call, 0) if call.positional() else (_self(call), call.holder)
    whole = seen.whole(given, prov)
    changes = {name: p for name, (_, p) in call.named.items()}
    cls = type(value)
    names = list(getattr(value, "_fields", None) or getattr(cls, "__dataclass_fields__", None) or ())
    if hasattr(cls, "model_fields"):
        names = list(cls.model_fields)
        update, known = call.named.get("update", ({}, None))
        changes = {name: child(seen.whole(update, known), name) for name in update or {}}
    parts: dict[Any, Prov | None] = {name: part_of(seen, given, whole, name) for name in names}
    parts.update(changes)
    if isinstance(value, tuple):
        return Prov((), [parts[name] for name in names])
    made = Prov((), parts)
    seen.attach(value, made)
    return made


def _validated(seen: Seen, call: Call, value: Any) -> Prov | None:
    """`Model.model_validate({...})`"""
    given, prov = argument(call, 0)
    whole = seen.whole(given, prov)
    names = getattr(type(value), "model_fields", ())
    parts: dict[Any, Prov | None] = {}
    for name in names:
        known = part_of(seen, given, whole, name)
        parts[name] = known if same(inner(given, name), inner(value, name)) else derive(known)
    made = Prov((), parts)
    seen.attach(value, made)
    return made


def same(given: Any, held: Any) -> bool:
    """Whether a part may be the very value that was given for it."""
    if given is held:
        return True
    if isinstance(given, _ATOMS) or isinstance(held, _ATOMS):
        return type(given) is type(held) and bool(given == held)
    return True


def _written(seen: Seen, call: Call, value: Any) -> Prov | None:
    """`json.dumps(x)`"""
    given, prov = argument(call, 0)
    whole = seen.whole(given, prov)
    known = derive(whole)
    return None if known is None else Written(known, whole)


def _read(seen: Seen, call: Call, value: Any) -> Prov | None:
    """`json.loads(text)`"""
    prov = argument(call, 0)[1]
    if not isinstance(prov, Written):
        return derive(prov)
    return _computed(mirrored(seen, None, prov.inside, value), _DEEP)


def _computed(prov: Prov | None, deep: int) -> Prov | None:
    """The same, as what was computed."""
    if prov is None or deep < 0 or prov.parts is None:
        return derive(prov)
    if isinstance(prov.parts, list):
        return Prov((), [_computed(each, deep - 1) for each in prov.parts])
    return Prov((), {key: _computed(each, deep - 1) for key, each in prov.parts.items()})


COPIES: Final[dict[Any, Model]] = {
    copy.copy: _copy,
    copy.deepcopy: _deepcopy,
    dataclasses.replace: _replaced,
    dataclasses.asdict: _mirror,
    dataclasses.astuple: _mirror,
    json.dumps: _written,
    json.loads: _read,
}
copied: Final = _copy
_TUPLE: Final[dict[str, Model]] = {"_replace": _replaced, "_asdict": _mirror}
_MODEL: Final[dict[str, Model]] = {"model_copy": _replaced, "model_dump": _mirror, "dict": _mirror}


def of_method(me: Any, name: str) -> Model | None:
    """What a method of a named tuple or of a pydantic model does."""
    if isinstance(me, tuple) and hasattr(me, "_fields"):
        return _TUPLE.get(name)
    if isinstance(me, type):
        return _validated if name == "model_validate" and hasattr(me, "model_fields") else None
    return _MODEL.get(name) if hasattr(type(me), "model_fields") else None
