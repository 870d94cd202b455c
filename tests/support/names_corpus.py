"""Writes `tests/corpora/names.json`: values and calls with the names they had when the algorithm was fixed.

Run once, when an algorithm is added; never to make a failing test pass. Names are for ever: what is
in the file must come out of every later version.

    python tests/support/names_corpus.py
"""

import json
import math
import struct
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

from flyte_core import naming

Json = Any


def to_json(value: naming.Framable) -> Json:
    """A value as JSON that keeps types and bits: `[tag, content]`."""
    match value:
        case None | bool():
            return value
        case int():
            return ["i", str(value)]
        case float():
            return ["d", struct.pack(">d", value).hex()]
        case str():
            return ["s", value.encode("utf-8", "surrogatepass").hex()]
        case bytes():
            return ["b", value.hex()]
        case list():
            return ["l", [to_json(item) for item in value]]
        case tuple():
            return ["u", [to_json(item) for item in value]]
        case dict():
            return ["m", [[to_json(key), to_json(item)] for key, item in value.items()]]


def from_json(raw: Json) -> naming.Framable:
    """The value that `to_json` was given."""
    if not isinstance(raw, list):
        assert raw is None or isinstance(raw, bool)
        return raw
    tag, content = raw
    match tag:
        case "i":
            return int(content)
        case "d":
            number: float = struct.unpack(">d", bytes.fromhex(content))[0]
            return number
        case "s":
            return bytes.fromhex(content).decode("utf-8", "surrogatepass")
        case "b":
            return bytes.fromhex(content)
        case "l":
            return [from_json(item) for item in content]
        case "u":
            return tuple(from_json(item) for item in content)
        case "m":
            return {str(from_json(key)): from_json(item) for key, item in content}
    raise ValueError(f"unknown tag {tag}")


def values() -> list[naming.Framable]:
    """The values whose frames are pinned: each kind at its edges, then random nests."""
    edges: list[naming.Framable] = [
        None, True, False, 0, 1, -1, 2**31, -(2**63), 2**64, 10**40, -(10**40),
        0.0, -0.0, 1.0, -1.5, math.inf, -math.inf, math.nan, 5e-324, 1.7976931348623157e308, 0.1 + 0.2,
        "", " ", "a", "1", "None", "é", "e\u0301", "日本語", "\x00", "\ud800", "a" * 300, "😀",
        b"", b"a", b"\x00", b"\xff" * 40,
        [], (), {}, [[]], [()], ([],), [[], []], [None], [""], [b""], [0], [False], [0.0],
        {"": None}, {"a": 1}, {"a": "1"}, {"a": 1.0}, {"a": True}, {"b": 2, "a": 1}, {"a": {"a": {}}},
        [1, 2, 3], [1, [2, 3]], [[1, 2], 3], ["1", "2"], ["12"], ["1", "2", ""], ("ab", "c"), ("a", "bc"),
        {"k": [1, {"x": (None, b"z")}]}, [[[[[[1]]]]]],
    ]  # fmt: skip
    random = Random(20_250_101)
    return edges + [_nest(random, 4) for _ in range(400)]


def _nest(random: Random, depth: int) -> naming.Framable:
    kind = random.randrange(9 if depth else 6)
    match kind:
        case 0:
            return random.choice([None, True, False])
        case 1:
            return random.randrange(-(10**6), 10**6)
        case 2:
            return random.uniform(-1e6, 1e6)
        case 3 | 4:
            return "".join(random.choices("abé日 \n0", k=random.randrange(6)))
        case 5:
            return random.randbytes(random.randrange(6))
        case 6:
            return [_nest(random, depth - 1) for _ in range(random.randrange(4))]
        case 7:
            return tuple(_nest(random, depth - 1) for _ in range(random.randrange(4)))
        case _:
            return {
                random.choice("abcdef") * (i + 1): _nest(random, depth - 1)
                for i in range(random.randrange(4))
            }


def calls() -> list[dict[str, Any]]:
    """Whole calls: parent, task, inputs, how often, in which group; with everything that follows."""
    found = []
    inputs = [[], [("x", b"\x08\x05")], [("x", b""), ("y", b"\x00")], [("long_name", bytes(range(64)))]]
    parents = ["a0", naming.action_name("a0", "", "", 1)]
    for parent, literals, repeat, group in product(parents, inputs, (1, 2, 1_000), ("", "my group")):
        task = ("my_env.step_one", "ab" * 32, "v1")
        hashed = naming.inputs_hash(literals)
        identity = naming.task_identity(*task)
        found.append(
            {
                "parent": parent,
                "task": list(task),
                "literals": [[name, data.hex()] for name, data in literals],
                "repeat": repeat,
                "group": group,
                "inputs_hash": hashed,
                "identity": identity,
                "name": naming.action_name(parent, hashed, identity, repeat, group),
                "cache_key": naming.cache_key(*task, hashed),
            }
        )
    return found


def corpus() -> dict[str, Any]:
    return {
        "algorithm": naming.ALGORITHM,
        "frames": [{"value": to_json(value), "digest": naming.digest(value)} for value in values()],
        "calls": calls(),
    }


PLACE = Path(__file__).parents[1] / "corpora" / "names.json"

if __name__ == "__main__":
    made = corpus()
    lines = {part: ",\n".join(json.dumps(entry) for entry in made[part]) for part in ("frames", "calls")}
    PLACE.write_text(
        f'{{"algorithm": {made["algorithm"]},\n"frames": [\n{lines["frames"]}\n],\n"calls": [\n{lines["calls"]}\n]}}\n'
    )
