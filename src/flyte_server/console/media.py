"""Files and tables that a value names: found only below the data directory, previewed within bounds."""

import mimetypes
from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from flyteidl2.core import literals_pb2, types_pb2

from flyte_core.frozen import frozen
from flyte_core.model import FailedPrecondition, InvalidArgument, NotFound
from flyte_server.console.place import inside

MAX_ROWS = 200
MAX_COLUMNS = 60
MAX_ENTRIES = 500
_CELL_CHARS = 200
_ARROW = b"ARROW1"
_TABLES = (".parquet", ".arrow", ".feather")
_WRITTEN_OUT = (".csv", ".tsv", ".json", ".jsonl")
"""Tables that are text: they are shown as the files that they are."""
_IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/svg+xml")


@frozen
class Medium:
    """What a literal names outside of itself. `path` is None for what lies elsewhere."""

    kind: str
    """`file`, `dir` or `table`."""
    uri: str
    path: Path | None
    format: str = ""


def medium(literal: literals_pb2.Literal, home: Path) -> Medium | None:
    """What a literal names, if it names something."""
    scalar = literal.scalar
    match scalar.WhichOneof("value"):
        case "union":
            return medium(scalar.union.value, home)
        case "blob" if scalar.blob.metadata.type.format != "PythonPickle":
            many = scalar.blob.metadata.type.dimensionality == types_pb2.BlobType.MULTIPART
            kind = "dir" if many else "file"
            return Medium(
                kind, scalar.blob.uri, inside(home, scalar.blob.uri), scalar.blob.metadata.type.format
            )
        case "structured_dataset":
            dataset = scalar.structured_dataset
            form = dataset.metadata.structured_dataset_type.format
            kind = "file" if dataset.uri.endswith(_WRITTEN_OUT) else "table"
            return Medium(kind, dataset.uri, inside(home, dataset.uri), form)
        case _:
            return None


def describe(found: Medium) -> dict[str, object]:
    """The medium for people: whether it can be shown, how large it is, what it is."""
    kind = mimetypes.guess_type(found.uri)[0] or "application/octet-stream"
    told: dict[str, object] = {"kind": found.kind, "uri": found.uri, "mime": kind, "here": False}
    if found.path is None:
        return told
    try:
        if found.kind == "file" and found.path.is_file():
            told |= {"here": True, "size_bytes": found.path.stat().st_size, "image": kind in _IMAGES}
        elif found.kind != "file" and found.path.exists():
            told["here"] = True
    except OSError:
        return told
    return told


def file_of(found: Medium, below: str) -> Path:
    """The file to send: the medium itself, or a file below a directory.

    Raises:
        NotFound: there is none, or it lies elsewhere.
    """
    path = found.path
    if path is not None and below:
        path = inside(path, str(path / below))
    if path is None or not path.is_file():
        where = f"{found.uri}/{below}" if below else found.uri
        raise NotFound(f"This server does not have {where}: it lies elsewhere, or is gone.")
    return path


def entries(found: Medium) -> dict[str, object]:
    """What a directory holds, its first files by name."""
    if found.path is None or not found.path.is_dir():
        raise NotFound(f"This server does not have {found.uri}: it lies elsewhere, or is gone.")
    files: list[dict[str, object]] = []
    for path in sorted(found.path.rglob("*")):
        if len(files) >= MAX_ENTRIES:
            break
        if path.is_file() and not path.is_symlink():
            files.append({"path": str(path.relative_to(found.path)), "size_bytes": path.stat().st_size})
    return {"files": files, "cut": len(files) >= MAX_ENTRIES}


def table(found: Medium, limit: int) -> dict[str, object]:
    """The schema and the first rows of a table; reads no more than these rows need.

    Raises:
        FailedPrecondition: pyarrow is not installed here.
        NotFound: the table lies elsewhere, or is gone.
        InvalidArgument: it is neither a Parquet nor an Arrow file.
    """
    if found.path is None or not found.path.exists():
        raise NotFound(f"This server does not have {found.uri}: it lies elsewhere, or is gone.")
    try:
        arrow: Any = import_module("pyarrow")
        parquet: Any = import_module("pyarrow.parquet")
    except ImportError as missing:
        raise FailedPrecondition(
            "Tables are previewed with pyarrow, which is not installed beside the server.",
            hint="Install it and restart the server: `pip install pyarrow`.",
        ) from missing
    files = [found.path]
    if found.path.is_dir():
        files = [path for path in sorted(found.path.rglob("*")) if path.suffix in _TABLES]
    if not files:
        raise NotFound(f"There is no Parquet or Arrow file in {found.uri}.")
    limit = min(limit, MAX_ROWS)
    try:
        if _is_arrow(files[0]):
            return {**_arrow(arrow, files, limit), "format": "Arrow"}
        return {**_parquet(parquet, files, limit), "format": "Parquet"}
    except (ValueError, OSError, NotImplementedError) as error:
        raise InvalidArgument(f"{files[0].name} cannot be read as a table: {error}") from error


def _is_arrow(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_ARROW)) == _ARROW


def _arrow(arrow: Any, files: list[Path], limit: int) -> dict[str, object]:
    total = 0
    for path in files:
        with arrow.memory_map(str(path)) as mapped:
            reader = arrow.ipc.open_file(mapped)
            total += sum(reader.get_batch(i).num_rows for i in range(reader.num_record_batches))
    with arrow.memory_map(str(files[0])) as mapped:
        reader = arrow.ipc.open_file(mapped)
        names = list(reader.schema.names)[:MAX_COLUMNS]
        batches = (reader.get_batch(i) for i in range(reader.num_record_batches))
        rows = _first((batch.select(names).slice(0, limit) for batch in batches), names, limit)
        return _preview(reader.schema, names, rows, total, files)


def _parquet(parquet: Any, files: list[Path], limit: int) -> dict[str, object]:
    total = sum(parquet.read_metadata(path).num_rows for path in files)
    with parquet.ParquetFile(files[0]) as file:
        names = list(file.schema_arrow.names)[:MAX_COLUMNS]
        rows = _first(file.iter_batches(batch_size=limit, columns=names), names, limit)
        return _preview(file.schema_arrow, names, rows, total, files)


def _first(batches: Iterable[Any], names: list[str], limit: int) -> list[list[object]]:
    """The first rows of some batches."""
    rows: list[list[object]] = []
    for batch in batches:
        rows += [[_cell(row.get(name)) for name in names] for row in batch.to_pylist()]
        if len(rows) >= limit:
            break
    return rows[:limit]


def _preview(
    schema: Any, names: list[str], rows: list[list[object]], total: int, files: list[Path]
) -> dict[str, object]:
    return {
        "columns": [{"name": name, "type": str(schema.field(name).type)} for name in names],
        "rows": rows,
        "total_rows": total,
        "total_columns": len(schema.names),
        "size_bytes": sum(path.stat().st_size for path in files),
    }


def _cell(value: object) -> object:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, Mapping | list):
        return repr(value)[:_CELL_CHARS]
    return str(value)[:_CELL_CHARS]
