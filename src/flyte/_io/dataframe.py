"""`flyte.io.DataFrame`: a data frame by reference, whatever library made it or will read it."""

import os
import tempfile
import typing
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Self

from pydantic import BaseModel, PrivateAttr, model_validator

from flyte._io import engines, extend
from flyte._io.hashing import CONTENT, Content, HashMethod, of_content, of_file
from flyte._storage import paths, transfer
from flyte._storage.places import is_remote, join, local_path, place_of
from flyte._storage.streams import check, off_loop
from flyte.errors import RuntimeUserError
from flyte_core import files


class DataFrame(BaseModel):
    """A data frame: one that is stored somewhere, or one in memory that is stored when it is passed on.

    `await frame.open(pandas.DataFrame).all()` is the frame in the library one wants, whichever wrote it.

    Attributes:
        uri: Where it is stored; None: it is not, yet.
        format: `arrow`, `parquet` or `csv`.
        hash: What caches know it by; `sha256:...` is its content.
    """

    uri: str | None = None
    format: str | None = ""
    hash: str | None = None

    _value: Any = PrivateAttr(default=None)
    _kind: Any = PrivateAttr(default=None)
    _columns: list[str] | None = PrivateAttr(default=None)

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, data: Any) -> Any:
        """A path alone is a data frame, too."""
        if isinstance(data, str | Path):
            return {"uri": os.fspath(data), "format": engines.format_of(os.fspath(data))}
        return data

    @classmethod
    def wrap_df(cls, val: Any = None, uri: str | None = None) -> Self:
        """A frame in memory as a `DataFrame`. It is stored when it is passed on, at `uri` if that is given.

        Raises:
            RuntimeUserError: it is no data frame of a library that is known.
        """
        if val is not None and not extend.knows(type(val)):
            engines.engine_of(type(val))
        made = cls(uri=uri, format=engines.format_of(uri) if uri else "")
        made._value = val
        return made

    from_df = wrap_df

    @classmethod
    async def from_local(
        cls,
        df: Any,
        columns: Mapping[str, Any] | None = None,
        remote_destination: str | None = None,
        hash_method: HashMethod | str | None = None,
    ) -> Self:
        """Store a frame, or a file that holds one, where the run keeps its data.

        Args:
            df: The frame; or the path of a `.parquet`, `.arrow` or `.csv` file.
            columns: Only these columns.
            remote_destination: The address it gets, instead of a new one.
            hash_method: What hashes the frame instead of SHA-256 of its bytes; or the hash itself.
        """
        return await off_loop(cls.from_local_sync, df, columns, remote_destination, hash_method)

    @classmethod
    def from_local_sync(
        cls,
        df: Any,
        columns: Mapping[str, Any] | None = None,
        remote_destination: str | None = None,
        hash_method: HashMethod | str | None = None,
    ) -> Self:
        """The same for code that does not await."""
        if isinstance(df, str | Path):
            return cls._of_file(Path(df).expanduser(), remote_destination, hash_method)
        if columns:
            df = df.select(list(columns)) if hasattr(df, "select") else df[list(columns)]
        made = cls.wrap_df(df, remote_destination)
        made.store()
        made._value = None
        if isinstance(hash_method, str):
            made.hash = hash_method
        elif hash_method is not None:
            hash_method.update(df)
            made.hash = hash_method.result()
        return made

    @classmethod
    def _of_file(cls, source: Path, uri: str | None, hash_method: HashMethod | str | None) -> Self:
        if not engines.format_of(source.name):
            raise RuntimeUserError(
                f"{source} holds no data frame, by its name.",
                hint=f"Its name should end in one of {', '.join(engines.SUFFIXES)}.",
            )
        if uri is None and hash_method is None and not paths.in_run():
            uri, digest = transfer.keep(source)
        else:
            method = Content() if hash_method is None or isinstance(hash_method, str) else hash_method
            uri = uri or paths.new(source.name)
            digest = transfer.upload(source, uri, method)
        digest = hash_method if isinstance(hash_method, str) else digest
        return cls(uri=uri, format=engines.format_of(source.name), hash=digest)

    @classmethod
    def from_existing_remote(cls, remote_path: str, format: str | None = None, **kwargs: Any) -> Self:
        """A frame that is stored already. Nothing is read.

        Args:
            remote_path: A file, or a directory of files in one format.
            format: `arrow`, `parquet` or `csv`; the end of the address tells otherwise.
            kwargs: `hash`: what caches know it by.
        """
        return cls(uri=remote_path, format=format or engines.format_of(remote_path), **kwargs)

    def open(self, dataframe_type: Any) -> "DataFrame":
        """The same frame, to be read with `all()` or `iter()` as this type: a class such as
        `pandas.DataFrame`, or one `Annotated` with the columns that are wanted."""
        found = self.model_copy()
        found._value, found._kind, found._columns = self._value, dataframe_type, self._columns
        return found

    def narrowed(self, columns: Sequence[str] | None) -> "DataFrame":
        """The same frame, to be read with these columns only; None: as it is."""
        if columns is None:
            return self
        found = self.open(self._kind)
        found._columns = list(columns)
        return found

    async def all(self) -> Any:
        """The whole frame in memory.

        Raises:
            FileNotFoundError: there is nothing at its address.
            RuntimeSystemError: it is not what its hash says.
        """
        return await off_loop(self.all_sync)

    def all_sync(self) -> Any:
        """The same for code that does not await."""
        kind, columns = self._wanted()
        if self._value is not None and isinstance(self._value, kind) and columns is None:
            return self._value
        self.store()
        decoded = self._decoded(kind, columns)
        if decoded is not None:
            return decoded
        with self._files() as (files, passing):
            found = engines.engine_of(kind).read(files, self._format(), columns)
            return found.collect().lazy() if passing and hasattr(found, "collect") else found

    async def iter(self) -> AsyncIterator[Any]:
        """The frame in parts, one after the other, each of the type that `open` was given."""
        kind, columns = self._wanted()
        self.store()
        decoded = await off_loop(self._decoded, kind, columns)
        if isinstance(decoded, AsyncIterator):
            async for part in decoded:
                yield part
            return
        if decoded is not None:
            for part in decoded if isinstance(decoded, Iterator) else (decoded,):
                yield part
            return
        with self._files() as (files, _):
            parts = engines.engine_of(kind).batches(files, self._format(), columns)
            while (part := await off_loop(next, parts, None)) is not None:
                yield part

    @property
    def val(self) -> Any:
        """The frame in memory that this was made of; None for one that is stored elsewhere."""
        return self._value

    def store(self, form: str = "") -> None:
        """Write the frame in memory to where the run keeps its data, unless that is done.

        Args:
            form: The format, instead of Arrow.

        Raises:
            RuntimeUserError: it cannot be stored.
        """
        if self._value is None or self.hash is not None:
            return
        kind = type(self._value)
        form = form or self.format or engines.format_of(self.uri or "") or extend.default_format(kind)
        encoder = extend.encoder_of(kind, form, self.uri or paths.base())
        if encoder is not None:
            self._encode(encoder, form)
            return
        form = form or engines.FORMATS[0]
        self.uri, self.hash = store(self._value, form, self.uri)
        self.format = form

    def _encode(self, encoder: "extend.DataFrameEncoder[Any]", form: str) -> None:
        """Let an encoder write the frame."""
        from flyte._types.custom import wait

        self.uri = self.uri or paths.new(f"frame.{form}" if form else None)
        if not is_remote(self.uri):
            Path(self.uri.removeprefix("file://")).parent.mkdir(parents=True, exist_ok=True)
        wanted = extend.dataset(self.uri, form, self._columns).metadata.structured_dataset_type
        written = wait(encoder.encode(self, wanted))
        self.uri = written.uri or self.uri
        self.format = written.metadata.structured_dataset_type.format or form
        here = local_path(self.uri)
        self.hash = None if here is None else of_content(here)

    def _decoded(self, kind: type, columns: list[str] | None) -> Any:
        """The frame as a decoder reads it; None when nobody has said how."""
        decoder = extend.decoder_of(kind, self.format or "", self.uri or "")
        if decoder is None or not self.uri:
            return None
        from flyte._types.custom import wait

        stored = extend.dataset(self.uri, self.format or "", columns)
        return wait(decoder.decode(stored, stored.metadata))

    def _wanted(self) -> tuple[type, list[str] | None]:
        """The class and the columns that were asked for."""
        if self._kind is not None:
            hinted = hint_of(self._kind)
            return hinted.kind, hinted.columns or self._columns
        if self._value is not None:
            return type(self._value), self._columns
        raise RuntimeUserError(
            "It was not said what this data frame is to be read as.",
            hint="Write frame.open(pandas.DataFrame).all(), or another class of data frames.",
        )

    def _format(self) -> str:
        found = self.format or engines.format_of(self.uri or "") or "parquet"
        if found not in engines.FORMATS:
            raise RuntimeUserError(
                f"The data frame {self.uri} is stored as {found!r}, which cannot be read here.",
                hint=f"Known formats: {', '.join(engines.FORMATS)}.",
            )
        return found

    @contextmanager
    def _files(self) -> Iterator[tuple[list[Path], bool]]:
        """The files that hold it, on this machine, and whether they are copies that go away after."""
        self.store()
        if not self.uri:
            raise RuntimeUserError("This data frame is neither in memory nor stored anywhere.")
        place = place_of(self.uri)
        alone = place.stat(self.uri) is not None
        found = [self.uri] if alone else [each.uri for each in place.files(self.uri, recursive=True)]
        if not found:
            raise FileNotFoundError(2, "No such data frame", self.uri)
        expected = self.hash or "" if alone else ""
        if not is_remote(self.uri):
            if expected.startswith(CONTENT):
                _check_once(found[0], expected)
            yield [Path(each.removeprefix("file://")) for each in found], False
            return
        with tempfile.TemporaryDirectory(prefix="flyte-") as copies:
            files = [Path(copies, str(index)) for index in range(len(found))]
            for uri, file in zip(found, files, strict=True):
                transfer.download(uri, file, expected)
            yield files, True


class Hinted(NamedTuple):
    """What a type hint says of a frame: its class, the columns and the format that are wanted, its hash."""

    kind: Any
    columns: list[str] | None = None
    form: str = ""
    method: HashMethod | None = None


def hint_of(hint: Any) -> Hinted:
    """Read a hint: `pandas.DataFrame`, or `Annotated[pandas.DataFrame, {"name": str}, "parquet"]`.

    A `HashFunction` among the notes makes the hash of frames that a task returns.
    """
    if typing.get_origin(hint) is not Annotated:
        return Hinted(hint)
    kind, *notes = typing.get_args(hint)
    columns, form, method = None, "", None
    for note in notes:
        if isinstance(note, HashMethod):
            method = note
        elif isinstance(note, Mapping):
            columns = list(note)
        elif isinstance(note, str):
            form = note
        elif type(note).__name__ == "Schema" and hasattr(note, "names"):
            columns = list(note.names)
    return Hinted(kind, columns, form, method)


_checked: dict[str, str] = {}
"""Frames of this machine whose content was seen to be what their hash says, as they looked then."""


def _check_once(uri: str, expected: str) -> None:
    found = place_of(uri).stat(uri)
    assert found is not None
    if _checked.get(uri) != found.version:
        check(uri, expected, of_file(Path(uri.removeprefix("file://"))))
        _checked[uri] = found.version


def store(frame: Any, form: str, uri: str | None) -> tuple[str, str]:
    """Write a frame in memory to an address, or to one that follows from its content: that, and its hash."""
    if form not in engines.FORMATS:
        raise RuntimeUserError(
            f"Data frames cannot be stored as {form!r}.", hint=f"Use one of {', '.join(engines.FORMATS)}."
        )
    target = local_path(uri or paths.base())
    directory = None if target is None else target.parent if uri else target
    if directory is not None:
        files.make_directories(directory, durable=paths.lasting(directory))
    draft = Path(directory or tempfile.gettempdir(), f".{os.urandom(8).hex()}.{form}")
    try:
        engines.engine_of(type(frame)).write(frame, draft, form)
        digest = of_file(draft)
        uri = uri or join(paths.base(), f"{digest.removeprefix(CONTENT)[:32]}.{form}")
        if directory is None:
            transfer.upload(draft, uri, Content())
        else:
            path = Path(uri.removeprefix("file://"))
            files.place(draft, path, durable=paths.lasting(path))
            _remember(uri)
    finally:
        draft.unlink(missing_ok=True)
    return uri, digest


def _remember(uri: str) -> None:
    found = place_of(uri).stat(uri)
    if found is not None:
        _checked[uri] = found.version
