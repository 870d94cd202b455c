"""Data frames of further libraries: what writes them, what reads them, and who knows of both."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from flyteidl2.core.literals_pb2 import StructuredDataset, StructuredDatasetMetadata
from flyteidl2.core.types_pb2 import StructuredDatasetType

from flyte._storage.places import scheme_of
from flyte.errors import RuntimeUserError

if TYPE_CHECKING:
    from flyte._io.dataframe import DataFrame

T = TypeVar("T")


class _Handler(ABC, Generic[T]):
    """What an encoder and a decoder have in common.

    Args:
        python_type: The class of the frames.
        protocol: The beginning of addresses that it is for, such as `s3`; None: all.
        supported_format: The format that it is for; none: any.
    """

    def __init__(
        self, python_type: type[T], protocol: str | None = None, supported_format: str | None = None
    ) -> None:
        self._python_type = python_type
        self._protocol = None if protocol is None else protocol.replace("://", "")
        self._supported_format = supported_format or ""

    @property
    def python_type(self) -> type[T]:
        return self._python_type

    @property
    def protocol(self) -> str | None:
        return self._protocol

    @property
    def supported_format(self) -> str:
        return self._supported_format


class DataFrameEncoder(_Handler[T]):
    """Writes frames of one class."""

    @abstractmethod
    async def encode(
        self, dataframe: "DataFrame", structured_dataset_type: StructuredDatasetType
    ) -> StructuredDataset:
        """Write a frame; where it is then.

        Args:
            dataframe: The frame is its `val`; its `uri` is an address that nothing has yet.
            structured_dataset_type: What the task declares: the format, and the columns.
        """


class DataFrameDecoder(_Handler[T]):
    """Reads frames of one class."""

    def __init__(
        self,
        python_type: type[T],
        protocol: str | None = None,
        supported_format: str | None = None,
        additional_protocols: list[str] | None = None,
    ) -> None:
        super().__init__(python_type, protocol, supported_format)
        self.additional_protocols = [each.replace("://", "") for each in additional_protocols or ()]

    @abstractmethod
    async def decode(
        self, flyte_value: StructuredDataset, current_task_metadata: StructuredDatasetMetadata
    ) -> T | Iterator[T] | AsyncIterator[T]:
        """The frame at an address, or its parts one by one.

        Args:
            flyte_value: Its address, with its format and columns.
            current_task_metadata: The format and columns that the task declares.
        """


class DataFrameTransformerEngine:
    """Who knows the encoders and decoders that were registered."""

    ENCODERS: ClassVar[dict[type, list[DataFrameEncoder[Any]]]] = {}
    DECODERS: ClassVar[dict[type, list[DataFrameDecoder[Any]]]] = {}
    DEFAULT_FORMATS: ClassVar[dict[type, str]] = {}

    @classmethod
    def register(
        cls,
        h: DataFrameEncoder[Any] | DataFrameDecoder[Any],
        default_for_type: bool = False,
        override: bool = False,
        default_format_for_type: bool = False,
        default_storage_for_type: bool = False,
    ) -> None:
        """Let an encoder or a decoder be used for frames of its class.

        Args:
            h: The encoder or decoder.
            default_for_type: Its format is the one of frames that are returned as they are; so says
                `default_format_for_type`.
            override: It takes the place of one that was registered for the same class and format.
            default_storage_for_type: There for code that gives it.

        Raises:
            RuntimeUserError: there is one already.
        """
        from flyte._types import engine, families
        from flyte._types.frames import frame

        registry: dict[type, list[Any]] = cls.ENCODERS if isinstance(h, DataFrameEncoder) else cls.DECODERS
        known = registry.setdefault(h.python_type, [])
        same = [
            each
            for each in known
            if (each.protocol, each.supported_format) == (h.protocol, h.supported_format)
        ]
        if same and not override:
            raise RuntimeUserError(
                f"There is a {type(same[0]).__name__} already for {h.python_type.__name__} as {h.supported_format!r}.",
                hint="Say override=True to take its place.",
            )
        registry[h.python_type] = [h, *(each for each in known if each not in same)]
        if default_for_type or default_format_for_type:
            cls.DEFAULT_FORMATS[h.python_type] = h.supported_format
        families.register(h.python_type, frame)
        engine.forget()


def encoder_of(kind: type, form: str, uri: str) -> DataFrameEncoder[Any] | None:
    """What writes frames of a class; None when nobody has said."""
    found: DataFrameEncoder[Any] | None = _find(DataFrameTransformerEngine.ENCODERS, kind, form, uri)
    return found


def decoder_of(kind: type, form: str, uri: str) -> DataFrameDecoder[Any] | None:
    """What reads frames of a class."""
    found: DataFrameDecoder[Any] | None = _find(DataFrameTransformerEngine.DECODERS, kind, form, uri)
    return found


def knows(kind: type) -> bool:
    """Whether frames of a class are known from here."""
    return any(each in DataFrameTransformerEngine.ENCODERS for each in kind.__mro__)


def default_format(kind: type) -> str:
    """The format of frames of a class for which none is declared; empty: nobody has said."""
    for each in kind.__mro__:
        if each in DataFrameTransformerEngine.DEFAULT_FORMATS:
            return DataFrameTransformerEngine.DEFAULT_FORMATS[each]
        for encoder in DataFrameTransformerEngine.ENCODERS.get(each, ()):
            return encoder.supported_format
    return ""


def dataset(uri: str, form: str, columns: list[str] | None = None) -> StructuredDataset:
    """An address and a format as the wire has them."""
    kind = StructuredDatasetType(format=form)
    for name in columns or ():
        kind.columns.add(name=name)
    return StructuredDataset(uri=uri, metadata=StructuredDatasetMetadata(structured_dataset_type=kind))


def _find(registry: dict[type, list[Any]], kind: type, form: str, uri: str) -> Any:
    scheme = scheme_of(uri) or "file"
    for each in kind.__mro__:
        found = [
            handler
            for handler in registry.get(each, ())
            if handler.protocol in (None, scheme) or scheme in getattr(handler, "additional_protocols", ())
        ]
        exact = [handler for handler in found if handler.supported_format == form]
        anything = [handler for handler in found if handler.supported_format == ""]
        for handler in (*exact, *anything):
            return handler
    return None
