"""Data frames: stored where the run keeps its data, and passed on as an address and a hash."""

from typing import Any

from flyteidl2.core.literals_pb2 import Literal
from flyteidl2.core.types_pb2 import LiteralType, StructuredDatasetType

from flyte._io import engines
from flyte._io.dataframe import DataFrame, Hinted, hint_of
from flyte._io.settled import Settled, settle, shown_hash
from flyte._types.codec import Codec
from flyte.errors import RuntimeUserError


class FrameCodec(Codec[Any]):
    """`flyte.io.DataFrame`, or a library's own class of data frames.

    Frames of any library that is known are taken; what a task gets is what it declares.
    """

    def __init__(self, hinted: Hinted) -> None:
        self._hinted = hinted
        self._kind: type = hinted.kind
        self._native = not issubclass(self._kind, DataFrame)
        self.label = f"{self._kind.__module__.partition('.')[0]}.{self._kind.__name__}"
        if not self._native:
            self.label = "DataFrame"

    def literal_type(self) -> LiteralType:
        found = StructuredDatasetType(format=self._hinted.form)
        for name in self._hinted.columns or ():
            found.columns.add(name=name)
        return LiteralType(structured_dataset_type=found)

    def matches(self, value: Any) -> bool:
        return isinstance(value, self._kind)

    def fill(self, literal: Literal, value: Any) -> None:
        form, (uri, digest) = self._stored(value)
        dataset = literal.scalar.structured_dataset
        dataset.uri = uri
        dataset.metadata.structured_dataset_type.format = form
        if digest:
            literal.hash = digest

    def read(self, literal: Literal) -> Any:
        if literal.scalar.WhichOneof("value") != "structured_dataset":
            self.refuse_literal(literal)
        dataset = literal.scalar.structured_dataset
        form = dataset.metadata.structured_dataset_type.format
        return self._opened(DataFrame(uri=dataset.uri, format=form, hash=shown_hash(literal.hash)))

    def pack(self, value: Any) -> Any:
        form, (uri, digest) = self._stored(value)
        return {"uri": uri, "format": form, "hash": digest}

    def unpack(self, packed: Any) -> Any:
        if not isinstance(packed, dict) or not isinstance(packed.get("uri"), str):
            self.refuse(packed)
        digest = shown_hash(packed.get("hash"))
        return self._opened(DataFrame(uri=packed["uri"], format=packed.get("format"), hash=digest))

    def schema(self, known: dict[str, Any]) -> dict[str, Any]:
        text = {"anyOf": [{"type": "string"}, {"type": "null"}]}
        fields = {"uri": text, "format": text, "hash": text}
        return {"type": "object", "title": "DataFrame", "properties": fields}

    def from_json(self, data: Any) -> Any:
        """An address, or an object with its parts. A path of this machine is a copy from then on."""
        if not isinstance(data, str):
            return self.unpack(data)
        try:
            found = DataFrame(**{"uri": data, "format": engines.format_of(data)})
            return self._opened(found if "://" in data else DataFrame.from_local_sync(data))
        except OSError as error:
            self.refuse(data, f"{error.strerror}: {error.filename}")
        except RuntimeUserError as error:
            self.refuse(data, str(error))

    def _stored(self, value: Any) -> tuple[str, Settled]:
        try:
            frame = value if isinstance(value, DataFrame) else DataFrame.wrap_df(value)
        except RuntimeUserError:
            self.refuse(value)
        frame.store(self._hinted.form)
        if self._hinted.method is not None and frame.val is not None:
            self._hinted.method.update(frame.val)
            frame.hash = self._hinted.method.result()
        if not frame.uri:
            self.refuse(value, "it is neither in memory nor stored anywhere")
        return frame.format or "", settle(frame.uri, frame.hash)

    def _opened(self, frame: DataFrame) -> Any:
        if self._native:
            return frame.open(self._kind).narrowed(self._hinted.columns).all_sync()
        return frame.narrowed(self._hinted.columns)


def frame(kind: type, hint: Any) -> Codec[Any]:
    """The codec of a class of data frames, with what its hint is annotated with."""
    return FrameCodec(hint_of(hint)._replace(kind=kind))
