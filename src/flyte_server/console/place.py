"""Where files may be read from: below the data directory, nowhere else."""

from pathlib import Path
from urllib.parse import unquote, urlsplit


def inside(home: Path, uri: str) -> Path | None:
    """The file an address names, if it lies below `home`; links that lead out of it do not."""
    parts = urlsplit(uri)
    if parts.scheme not in ("", "file") or "\0" in uri:
        return None
    path = Path(unquote(parts.path) if parts.scheme else uri).resolve()
    return path if path.is_relative_to(home.resolve()) else None
