from datetime import UTC, datetime, timedelta, timezone

import pytest

from flyte._cli.moments import parse_duration, parse_instant

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90", timedelta(seconds=90)),
        ("1.5", timedelta(seconds=1.5)),
        ("90s", timedelta(seconds=90)),
        ("250ms", timedelta(milliseconds=250)),
        ("1h 30m", timedelta(minutes=90)),
        ("1 hour, 30 minutes", timedelta(minutes=90)),
        ("2 days", timedelta(days=2)),
        ("PT1H30M", timedelta(minutes=90)),
        ("P1D", timedelta(days=1)),
        ("P1W", timedelta(weeks=1)),
        ("P1DT0.5S", timedelta(days=1, milliseconds=500)),
        ("1:30", timedelta(minutes=90)),
        ("1:30:00", timedelta(minutes=90)),
        ("2 days, 1:00:00", timedelta(days=2, hours=1)),
        ("-PT5M", -timedelta(minutes=5)),
    ],
)
def test_durations_are_read_in_every_form_people_type(text: str, expected: timedelta) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize("text", ["", "soon", "5 parsecs", "P", "PT", "1h bananas", "1:99"])
def test_what_is_no_duration_is_refused_with_the_forms_that_are(text: str) -> None:
    with pytest.raises(ValueError, match="PT1H30M"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", NOW),
        ("today", datetime(2026, 3, 4, tzinfo=UTC)),
        ("Yesterday", datetime(2026, 3, 3, tzinfo=UTC)),
        ("now - P1D", NOW - timedelta(days=1)),
        ("now-90s", NOW - timedelta(seconds=90)),
        ("today + 2h", datetime(2026, 3, 4, 2, tzinfo=UTC)),
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T12:00:00Z", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31T12:00:00+02:00", datetime(2026, 1, 31, 10, tzinfo=UTC)),
    ],
)
def test_instants_are_read_as_iso_and_as_words(text: str, expected: datetime) -> None:
    assert parse_instant(text, now=NOW) == expected


def test_a_time_without_zone_is_in_the_given_one() -> None:
    zone = timezone(timedelta(hours=3))
    assert parse_instant("2026-01-31T12:00", now=NOW, zone=zone).utcoffset() == timedelta(hours=3)


def test_what_is_no_instant_is_refused() -> None:
    with pytest.raises(ValueError, match="today"):
        parse_instant("last tuesday", now=NOW)
