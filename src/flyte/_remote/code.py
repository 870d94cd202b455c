"""The code that an action ran with: where its bundle is, and the bundle itself."""

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path

from flyteidl2.task import task_definition_pb2

from flyte._remote.source import Source
from flyte.errors import CodeBundleError
from flyte_core.model import Action, ActionKind
from flyte_core.wire import specs


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeBundle:
    """A bundle of code: an archive of files (`tgz`), or pickled tasks (`pkl`).

    Attributes:
        computed_version: The version of the tasks in it.
        destination: Where a worker unpacks it, in its working directory.
        tgz: The archive's address, if it is one.
        pkl: The pickle's address, if it is one.
    """

    computed_version: str
    destination: str = "."
    tgz: str | None = None
    pkl: str | None = None

    @property
    def uri(self) -> str:
        return self.tgz or self.pkl or ""


def bundle_of(action: Action) -> CodeBundle | None:
    """The bundle that an action's task names; None when its code was found without one."""
    if action.kind is not ActionKind.TASK or not action.spec.template:
        return None
    message = specs.message_of(action.spec, ActionKind.TASK)
    assert isinstance(message, task_definition_pb2.TaskSpec)
    argv = list(message.task_template.container.args)
    told = {name: argv[argv.index(name) + 1] for name in ("--tgz", "--pkl", "--dest") if name in argv[:-1]}
    tgz, pkl = told.get("--tgz"), told.get("--pkl")
    if not (tgz or pkl):
        return None
    return CodeBundle(
        computed_version=action.spec.task_version, destination=told.get("--dest", "."), tgz=tgz, pkl=pkl
    )


async def find(source: Source, action: Action) -> CodeBundle | None:
    """The same for an action that may be known by its name only."""
    return bundle_of(action if action.spec.template else await source.action(action.key))


async def download(source: Source, action: Action, dest: str | Path | None, extract: bool) -> Path:
    """Put an action's code into a directory; where it is then.

    Raises:
        CodeBundleError: it ran without a bundle, or the bundle is gone or damaged.
    """
    bundle = await find(source, action)
    if bundle is None:
        raise CodeBundleError(
            f"{action.spec.task_name} ({action.key.name}) ran without a code bundle.",
            hint="The code of a local run lies where it was started.",
        )
    data = await source.code(action.key, bundle.uri)
    directory = Path(action.key.run.name if dest is None else dest).expanduser()
    return await asyncio.to_thread(_put, data, bundle, directory, extract)


def _put(data: bytes, bundle: CodeBundle, directory: Path, extract: bool) -> Path:
    from flyte_core.blobs import archive

    try:
        directory.mkdir(parents=True, exist_ok=True)
        file = directory / bundle.uri.partition("?")[0].rsplit("/", 1)[-1]
        file.write_bytes(data)
        if bundle.tgz is None or not extract:
            return file
        draft = directory / f".{file.name}.files"
        archive.unpack(file, draft)
        shutil.copytree(draft, directory, dirs_exist_ok=True)
        shutil.rmtree(draft)
        file.unlink()
    except Exception as error:
        raise CodeBundleError(f"The code cannot be put into {directory}: {error}") from error
    return directory
