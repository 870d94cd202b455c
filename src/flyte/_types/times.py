"""datetime, date and timedelta, to the microsecond and with their time zone."""

import re
import zoneinfo
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Any, Final

from flyteidl2.core.literals_pb2 import Literal
from flyteidl2.core.types_pb2 import DATETIME, DURATION, LiteralType

from flyte._types.codec import Codec
from flyte_core.wire import literals
from flyte_core.wire.literals import EPOCH, TIME_ZONE

_NAIVE: Final = "naive"
_EPOCH_NAIVE: Final = EPOCH.replace(tzinfo=None)
_EXACT: Final = timedelta(microseconds=2**52)
"""Shorter than this, a float of seconds tells every microsecond."""
_ISO: Final = re.compile(
    r"(?P<sign>[-+])?P(?:(?P<days>[0-9.]+)D)?(?:T(?:(?P<hours>[0-9.]+)H)?(?:(?P<minutes>[0-9.]+)M)?(?:(?P<seconds>[0-9.]+)S)?)?"
)


def _zone_mark(value: datetime, zone: tzinfo) -> str:
    """What names a time zone: nothing for UTC, its key, or the offset in seconds."""
    if zone is UTC:
        return ""
    if isinstance(zone, zoneinfo.ZoneInfo) and zone.key:
        return zone.key
    offset = value.utcoffset()
    return "" if offset is None else f"{offset.total_seconds():+f}"


def _in_zone(moment: datetime, name: str) -> datetime:
    """The instant as a zone writes it; as it is where there is no such zone on this machine."""
    if not name:
        return moment
    try:
        return moment.astimezone(zoneinfo.ZoneInfo(name))
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return moment


def _split(value: timedelta) -> tuple[int, int]:
    """Seconds and nanoseconds; the latter are not negative."""
    return value.days * 86_400 + value.seconds, value.microseconds * 1000


class DatetimeCodec(Codec[datetime]):
    """Instants. What was naive stays naive; a zone keeps its name, another offset its size."""

    label = "datetime"

    def literal_type(self) -> LiteralType:
        return LiteralType(simple=DATETIME)

    def matches(self, value: Any) -> bool:
        return isinstance(value, datetime)

    def fill(self, literal: Literal, value: datetime) -> None:
        if not isinstance(value, datetime):
            self.refuse(value)
        zone = value.tzinfo
        if zone is None or value.utcoffset() is None:
            since = value.replace(tzinfo=None) - _EPOCH_NAIVE
            literal.metadata[TIME_ZONE] = _NAIVE if not value.fold else f"{_NAIVE}1"
        else:
            since = value - EPOCH
            mark = _zone_mark(value, zone)
            if mark:
                literal.metadata[TIME_ZONE] = mark
        stamp = literal.scalar.primitive.datetime
        stamp.seconds, stamp.nanos = _split(since)
        stamp.SetInParent()

    def read(self, literal: Literal) -> datetime:
        primitive = literal.scalar.primitive
        if not primitive.HasField("datetime"):
            self.refuse_literal(literal)
        stamp = primitive.datetime
        since = timedelta(seconds=stamp.seconds, microseconds=stamp.nanos // 1000)
        mark = literal.metadata.get(TIME_ZONE, "") if literal.metadata else ""
        if mark.startswith(_NAIVE):
            return (_EPOCH_NAIVE + since).replace(fold=1 if mark != _NAIVE else 0)
        if mark[:1] in ("+", "-"):
            offset = timedelta(seconds=float(mark))
            return (_EPOCH_NAIVE + since + offset).replace(tzinfo=timezone(offset))
        return _in_zone(EPOCH + since, mark)

    def pack(self, value: datetime) -> Any:
        if not isinstance(value, datetime):
            self.refuse(value)
        text = value.isoformat()
        zone = value.tzinfo
        return f"{text}[{zone.key}]" if isinstance(zone, zoneinfo.ZoneInfo) and zone.key else text

    def unpack(self, packed: Any) -> datetime:
        if not isinstance(packed, str):
            self.refuse(packed)
        text, _, zone = packed.partition("[")
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            self.refuse(packed, str(error))
        return _in_zone(moment, zone.rstrip("]"))

    def schema(self, known: dict[str, Any]) -> dict[str, Any]:
        return {"type": "string", "format": "date-time"}


class DateCodec(Codec[date]):
    """Days; on the wire the first instant of the day, UTC."""

    label = "date"

    def literal_type(self) -> LiteralType:
        return LiteralType(simple=DATETIME)

    def matches(self, value: Any) -> bool:
        return isinstance(value, date) and not isinstance(value, datetime)

    def fill(self, literal: Literal, value: date) -> None:
        if not self.matches(value):
            self.refuse(value)
        stamp = literal.scalar.primitive.datetime
        literal.metadata[TIME_ZONE] = "date"
        stamp.seconds = (value.toordinal() - EPOCH.toordinal()) * 86_400
        stamp.SetInParent()

    def read(self, literal: Literal) -> date:
        primitive = literal.scalar.primitive
        if not primitive.HasField("datetime"):
            self.refuse_literal(literal)
        return date.fromordinal(EPOCH.toordinal() + primitive.datetime.seconds // 86_400)

    def pack(self, value: date) -> Any:
        if not self.matches(value):
            self.refuse(value)
        return value.isoformat()

    def unpack(self, packed: Any) -> date:
        if not isinstance(packed, str):
            self.refuse(packed)
        try:
            return date.fromisoformat(packed)
        except ValueError as error:
            self.refuse(packed, str(error))

    def schema(self, known: dict[str, Any]) -> dict[str, Any]:
        return {"type": "string", "format": "date"}


class TimedeltaCodec(Codec[timedelta]):
    """Lengths of time. In structures: a number of seconds, or the three parts where that is not exact."""

    label = "timedelta"

    def literal_type(self) -> LiteralType:
        return LiteralType(simple=DURATION)

    def matches(self, value: Any) -> bool:
        return isinstance(value, timedelta)

    def fill(self, literal: Literal, value: timedelta) -> None:
        if not isinstance(value, timedelta):
            self.refuse(value)
        seconds, nanos = _split(value)
        if seconds < 0 and nanos:
            # A Duration's parts have the same sign.
            seconds, nanos = seconds + 1, nanos - 10**9
        duration = literal.scalar.primitive.duration
        duration.seconds, duration.nanos = seconds, nanos
        duration.SetInParent()

    def read(self, literal: Literal) -> timedelta:
        primitive = literal.scalar.primitive
        if not primitive.HasField("duration"):
            self.refuse_literal(literal)
        return timedelta(seconds=primitive.duration.seconds, microseconds=_micros(primitive.duration.nanos))

    def pack(self, value: timedelta) -> Any:
        if not isinstance(value, timedelta):
            self.refuse(value)
        if abs(value) < _EXACT:
            return value.total_seconds()
        return literals.show_duration(*_split(value))

    def unpack(self, packed: Any) -> timedelta:
        if isinstance(packed, int | float) and not isinstance(packed, bool):
            try:
                return timedelta(seconds=packed)
            except (OverflowError, ValueError) as error:
                self.refuse(packed, str(error))
        match = _ISO.fullmatch(packed) if isinstance(packed, str) else None
        if match is None:
            self.refuse(packed, "write seconds, or ISO 8601 such as PT1H30M")
        return _from_parts(match)

    def schema(self, known: dict[str, Any]) -> dict[str, Any]:
        return {"type": "number", "format": "time-delta"}


def _micros(nanos: int) -> int:
    return nanos // 1000 if nanos >= 0 else -(-nanos // 1000)


def _from_parts(match: "re.Match[str]") -> timedelta:
    total = timedelta()
    for unit, text in match.groupdict().items():
        if unit == "sign" or not text:
            continue
        whole, _, part = text.partition(".")
        size = timedelta(**{unit: 1})
        total += size * int(whole or 0)
        if part:
            # Exact: of the micros of one unit, the given decimal part.
            total += timedelta(
                microseconds=round(size / timedelta(microseconds=1)) * int(part) / 10 ** len(part)
            )
    return -total if match["sign"] == "-" else total
