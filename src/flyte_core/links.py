"""The addresses that belong to an attempt, such as its page in an experiment tracker: a small file beside its outputs."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

FILE: Final = "links.json"


class LinkAddress(NamedTuple):
    """An address, and what people call it."""

    name: str
    url: str


def write(directory: Path, links: Iterable[LinkAddress]) -> None:
    """Keep the addresses of the attempt whose directory this is, whole or not at all."""
    directory.mkdir(parents=True, exist_ok=True)
    draft = directory / f".{FILE}.draft"
    draft.write_text(json.dumps([each._asdict() for each in links]), encoding="utf-8")
    draft.replace(directory / FILE)


def read(directory: Path) -> tuple[LinkAddress, ...]:
    """The addresses of an attempt; none where there are none, or where they cannot be read."""
    try:
        found = json.loads((directory / FILE).read_text(encoding="utf-8"))
        return tuple(LinkAddress(str(each["name"]), str(each["url"])) for each in found)
    except (OSError, ValueError, TypeError, KeyError):
        return ()
