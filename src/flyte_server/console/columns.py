"""The container of a snapshot or a delta: a JSON header and typed columns, little-endian.

Layout: `GWC1`, the header's length as u32, the header (JSON padded with spaces so that the data begins
at a multiple of 8), then each column padded to 8 bytes. The header's `columns` lists
`[name, type, offset, bytes]`, offsets counted from the start of the data; types are `u8`, `u16`, `u32`,
`i32` and `str`. A `str` column is followed by one called `<name>_end` (u32) with the end of each string.
"""

import json
import struct
import sys
from array import array
from collections.abc import Iterable, Mapping

MAGIC = b"GWC1"

_CODES = {"u8": "B", "u16": "H", "u32": "I", "i32": "i"}
_TYPES = {code: name for name, code in _CODES.items()}

Column = tuple[str, str, bytes]


def numbers(name: str, values: "array[int]") -> Column:
    """A column of numbers; the array's type code decides the type."""
    if sys.byteorder == "big":
        values = array(values.typecode, values)
        values.byteswap()
    return name, _TYPES[values.typecode], values.tobytes()


def indices(name: str, values: "array[int]", bound: int) -> Column:
    """A column of dictionary indices below `bound`, in the narrowest type that holds them."""
    code = "B" if bound <= 0x100 else "H" if bound <= 0x10000 else "I"
    return numbers(name, values if values.typecode == code else array(code, values))


def strings(name: str, values: Iterable[str]) -> tuple[Column, Column]:
    """Two columns: the UTF-8 bytes of all strings, and where each one ends."""
    ends = array("I")
    parts = []
    end = 0
    for value in values:
        raw = value.encode("utf-8", "replace")
        parts.append(raw)
        end += len(raw)
        ends.append(end)
    return (name, "str", b"".join(parts)), numbers(f"{name}_end", ends)


def pack(header: Mapping[str, object], columns: Iterable[Column]) -> bytes:
    """One container."""
    listed: list[list[object]] = []
    data: list[bytes] = []
    offset = 0
    for name, kind, raw in columns:
        listed.append([name, kind, offset, len(raw)])
        padding = -len(raw) % 8
        data += [raw, b"\0" * padding]
        offset += len(raw) + padding
    text = json.dumps({**header, "columns": listed}, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-(len(text) + 8) % 8)
    return b"".join([MAGIC, struct.pack("<I", len(text)), text, *data])


def unpack(raw: bytes) -> tuple[dict[str, object], dict[str, list[int] | list[str]]]:
    """Read a container back; for tests and tools, the browser has its own reader."""
    if raw[:4] != MAGIC:
        raise ValueError("not a column container")
    (length,) = struct.unpack_from("<I", raw, 4)
    header = json.loads(raw[8 : 8 + length])
    start = 8 + length
    columns: dict[str, list[int] | list[str]] = {}
    for name, kind, offset, size in header["columns"]:
        part = raw[start + offset : start + offset + size]
        if kind == "str":
            columns[name] = [part.decode()]
            continue
        values = array(_CODES[kind])
        values.frombytes(part)
        columns[name] = values.tolist()
    for name, kind, _, _ in header["columns"]:
        if kind == "str":
            blob = str(columns[name][0]).encode()
            ends = [int(end) for end in columns[f"{name}_end"]]
            columns[name] = [blob[a:b].decode() for a, b in zip([0, *ends], ends, strict=False)]
    return header, columns
