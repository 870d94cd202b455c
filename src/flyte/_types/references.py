"""Files and directories by reference: a blob as a literal, address and hash within structures."""

from collections.abc import Mapping
from typing import Any

from flyteidl2.core.literals_pb2 import Literal
from flyteidl2.core.types_pb2 import BlobType, LiteralType
from pydantic import ValidationError

from flyte._io.dir import Dir
from flyte._io.file import File
from flyte._io.settled import settle, shown_hash
from flyte._storage import paths
from flyte._types.codec import Codec


class ReferenceCodec(Codec[Any]):
    """`File` or `Dir`."""

    def __init__(self, kind: type[File[Any]] | type[Dir[Any]]) -> None:
        self.kind = kind
        self.label = "Dir" if issubclass(kind, Dir) else "File"
        many = BlobType.MULTIPART if issubclass(kind, Dir) else BlobType.SINGLE
        self._type = BlobType(dimensionality=many)

    def literal_type(self) -> LiteralType:
        return LiteralType(blob=self._type)

    def matches(self, value: Any) -> bool:
        return isinstance(value, Dir if self.label == "Dir" else File)

    def fill(self, literal: Literal, value: Any) -> None:
        self._check(value)
        uri, digest = settle(value.path, value.hash)
        blob = literal.scalar.blob
        blob.uri = uri
        blob.metadata.type.CopyFrom(self._type)
        blob.metadata.type.format = value.format
        if digest:
            literal.hash = digest
        if value.name and value.name != paths.base_name(uri):
            literal.metadata["name"] = value.name

    def read(self, literal: Literal) -> Any:
        if literal.scalar.WhichOneof("value") != "blob":
            self.refuse_literal(literal)
        blob = literal.scalar.blob
        name = literal.metadata.get("name") if literal.metadata else None
        return self._made(
            {"path": blob.uri, "name": name, "format": blob.metadata.type.format, "hash": literal.hash}
        )

    def pack(self, value: Any) -> Any:
        self._check(value)
        uri, digest = settle(value.path, value.hash)
        return {"path": uri, "name": value.name, "format": value.format, "hash": digest}

    def unpack(self, packed: Any) -> Any:
        if not isinstance(packed, dict) or not isinstance(packed.get("path"), str):
            self.refuse(packed)
        return self._made(packed)

    def schema(self, known: dict[str, Any]) -> dict[str, Any]:
        text = {"anyOf": [{"type": "string"}, {"type": "null"}]}
        fields = {"path": {"type": "string"}, "name": text, "format": {"type": "string"}, "hash": text}
        return {"type": "object", "title": self.label, "properties": fields, "required": ["path"]}

    def from_json(self, data: Any) -> Any:
        """An address, or an object with its parts. A path of this machine is a copy from then on."""
        if not isinstance(data, str):
            return self.unpack(data)
        if "://" in data:
            return self._made({"path": data, "hash": None})
        try:
            return self.kind.from_local_sync(data)
        except OSError as error:
            self.refuse(data, f"{error.strerror}: {error.filename}")

    def _check(self, value: Any) -> None:
        if not self.matches(value):
            self.refuse(value, f"write {self.label}.from_local_sync(...)" if isinstance(value, str) else "")

    def _made(self, parts: Mapping[str, Any]) -> Any:
        try:
            return self.kind.model_validate({**parts, "hash": shown_hash(parts.get("hash"))})
        except ValidationError as error:
            self.refuse(dict(parts), str(error.errors(include_url=False)[0]["msg"]))


def reference(kind: type, hint: Any) -> Codec[Any]:
    """The codec of `File`, `Dir` and classes made of them."""
    return ReferenceCodec(kind)
