"""Brings the code of a run to where it can be imported: bundles are unpacked once for the machine."""

import contextlib
import gzip
import os
import shutil
import sys
import urllib.request
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from flyte.errors import CodeBundleError
from flyte_core.blobs import archive
from flyte_core.layout import Layout
from flyte_core.supervision import SYS_PATHS

if TYPE_CHECKING:
    from flyte._authoring.task import Task
    from flyte._runtime.a0 import Options

_DOWNLOAD_TIMEOUT_S = 60.0
_SUFFIXES = (".tar.gz", ".tgz", ".pkl.gz")


def prepare(options: "Options", layout: Layout) -> Path | None:
    """Put the bundle's directory at the head of `sys.path`, then those that the run names. None: there is no bundle.

    Raises:
        CodeBundleError: it cannot be fetched or unpacked.
    """
    directory = unpacked(options.tgz, layout) if options.tgz else None
    named = [Path(each) for each in os.environ.get(SYS_PATHS, "").split(os.pathsep) if each]
    for path in (
        named[::-1] if directory is None else (*(directory / each for each in named[::-1]), directory)
    ):
        if str(path) not in sys.path:
            sys.path.insert(0, str(path))
    return directory


def unpacked(uri: str, layout: Layout) -> Path:
    """Where the bundle is unpacked; it is done now if nobody did before. Safe to race: one of them wins."""
    directory = layout.code / _name(uri)
    if directory.is_dir():
        return directory
    layout.code.mkdir(parents=True, exist_ok=True)
    draft = layout.code / f".{directory.name}.{uuid.uuid4().hex[:8]}"
    try:
        with _fetched(uri, layout) as bundle:
            try:
                archive.unpack(bundle, draft)
            except Exception as error:
                raise CodeBundleError(f"The code bundle {uri} cannot be unpacked: {error}") from error
        with contextlib.suppress(OSError):
            draft.rename(directory)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return directory


def pickled(options: "Options", layout: Layout) -> "Task[..., Any]":
    """The task in a pickled bundle, which holds all of a session by name (`task <name>`).

    The pickle was made by whoever submitted the run.
    """
    import cloudpickle

    from flyte._authoring.overrides import applied

    words = dict(zip(options.resolver_args[::2], options.resolver_args[1::2], strict=False))
    name = words.get("task", "")

    with _fetched(options.pkl, layout) as bundle:
        try:
            task: Task[..., Any] = cloudpickle.loads(gzip.decompress(bundle.read_bytes()))[name]
        except Exception as error:
            raise CodeBundleError(
                f"The pickled task {name} in {options.pkl} cannot be read: {type(error).__name__}: {error}",
                hint="Submit with the same Python version that runs the task.",
            ) from error
    return applied(task, words)


@contextlib.contextmanager
def _fetched(uri: str, layout: Layout) -> Any:
    """The bundle as a local file."""
    parts = urlsplit(uri)
    if parts.scheme not in ("http", "https"):
        path = Path(unquote(parts.path) if parts.scheme == "file" else uri)
        if not path.is_file():
            raise CodeBundleError(
                f"The code bundle {uri} is gone.",
                hint="It was removed from the data directory; submit the run again.",
            )
        yield path
        return
    layout.code.mkdir(parents=True, exist_ok=True)
    draft = layout.code / f".{uuid.uuid4().hex[:12]}.download"
    try:
        try:
            with urllib.request.urlopen(uri, timeout=_DOWNLOAD_TIMEOUT_S) as answer, draft.open("wb") as file:
                shutil.copyfileobj(answer, file)
        except OSError as error:
            raise CodeBundleError(f"The code bundle {_plain(uri)} cannot be fetched: {error}") from error
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def _name(uri: str) -> str:
    """The directory's name: the bundle's, which is made of its content's digest."""
    name = unquote(urlsplit(uri).path).rsplit("/", 1)[-1]
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    return name


def _plain(uri: str) -> str:
    """The address without its signature."""
    return uri.partition("?")[0]
