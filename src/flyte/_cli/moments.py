"""Instants and durations as people type them."""

import re
from datetime import UTC, datetime, timedelta, tzinfo

_UNITS = {
    "us": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "sec": 1.0,
    "second": 1.0,
    "m": 60.0,
    "min": 60.0,
    "minute": 60.0,
    "h": 3600.0,
    "hr": 3600.0,
    "hour": 3600.0,
    "d": 86400.0,
    "day": 86400.0,
    "w": 604800.0,
    "week": 604800.0,
}
_ISO = re.compile(
    r"P(?:(?P<w>\d+(?:\.\d+)?)W)?(?:(?P<d>\d+(?:\.\d+)?)D)?"
    r"(?:T(?:(?P<h>\d+(?:\.\d+)?)H)?(?:(?P<m>\d+(?:\.\d+)?)M)?(?:(?P<s>\d+(?:\.\d+)?)S)?)?",
    re.IGNORECASE,
)
_CLOCK = re.compile(r"(?:(\d+)\s*days?,?\s+)?(\d+):([0-5]?\d)(?::([0-5]?\d(?:\.\d+)?))?")
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)[,\s]*", re.IGNORECASE)
_RELATIVE = re.compile(r"(now|today|yesterday|tomorrow)(?:\s*([+-])\s*(\S.*))?", re.IGNORECASE)

DURATION_FORMS = "PT1H30M, '1h 30m', 90s, 1:30:00, or a number of seconds"
INSTANT_FORMS = "2026-01-31, 2026-01-31T12:00:00Z, now, today, or 'now - P1D'"


def parse_duration(text: str) -> timedelta:
    """Read a duration in any of `DURATION_FORMS`, with a leading `-` for a negative one.

    Raises:
        ValueError: none of the forms fits.
    """
    text = text.strip()
    if text.startswith("-"):
        return -parse_duration(text[1:])
    try:
        return timedelta(seconds=float(text))
    except (ValueError, OverflowError):
        pass
    seconds = _iso_seconds(text)
    if seconds is None:
        seconds = _clock_seconds(text)
    if seconds is None:
        seconds = _worded_seconds(text)
    if seconds is None:
        raise ValueError(f"'{text}' is not a duration; write {DURATION_FORMS}")
    return timedelta(seconds=seconds)


def parse_instant(text: str, *, now: datetime, zone: tzinfo | None = UTC) -> datetime:
    """Read an instant in any of `INSTANT_FORMS`. A time without a zone is taken to be in `zone`.

    Raises:
        ValueError: none of the forms fits.
    """
    text = text.strip()
    relative = _RELATIVE.fullmatch(text)
    if relative is not None:
        word, sign, rest = relative.groups()
        moment = _named(word.lower(), now)
        if not sign:
            return moment
        shift = parse_duration(rest)
        return moment + shift if sign == "+" else moment - shift
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"'{text}' is not an instant; write {INSTANT_FORMS}") from None
    return moment if moment.tzinfo or zone is None else moment.replace(tzinfo=zone)


def _named(word: str, now: datetime) -> datetime:
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    shift = {"yesterday": -1, "today": 0, "tomorrow": 1}
    return now if word == "now" else midnight + timedelta(days=shift[word])


def _iso_seconds(text: str) -> float | None:
    match = _ISO.fullmatch(text)
    if match is None or not any(match.groups()):
        return None
    return sum(float(amount) * _UNITS[unit] for unit, amount in match.groupdict().items() if amount)


def _clock_seconds(text: str) -> float | None:
    match = _CLOCK.fullmatch(text)
    if match is None:
        return None
    days, hours, minutes, seconds = match.groups()
    return int(days or 0) * 86400.0 + int(hours) * 3600.0 + int(minutes) * 60.0 + float(seconds or 0)


def _worded_seconds(text: str) -> float | None:
    total, at = 0.0, 0
    while at < len(text):
        part = _PART.match(text, at)
        if part is None:
            return None
        unit = part.group(2).lower()
        factor = _UNITS.get(unit) or _UNITS.get(unit.removesuffix("s"))
        if factor is None:
            return None
        total += float(part.group(1)) * factor
        at = part.end()
    return total if text else None
