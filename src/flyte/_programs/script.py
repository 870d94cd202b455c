"""Plain Python scripts as runs: no task has to be written."""

import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from flyte._authoring.resources import Device, Resources
from flyte._authoring.task import Options
from flyte._programs import process
from flyte._programs.container import returned_by
from flyte._programs.task import Program, ProgramTask
from flyte._sync import syncify
from flyte.errors import DeclarationError

if TYPE_CHECKING:
    from flyte._authoring.image import Image
    from flyte._remote.run import Run
    from flyte.io import Dir

TAIL_LINES: Final = 80
TIMEOUT_S: Final = 3600


@dataclass(frozen=True)
class PythonScript(Program):
    """A script within a directory of files, and where it leaves its results."""

    script: str = ""
    output_dir: str = ""

    async def run(self, values: dict[str, Any]) -> Any:
        """Run it in a copy of its directory, with this Python."""
        what = f"Script {self.script}"
        with tempfile.TemporaryDirectory(prefix="flyte-") as scratch:
            folder = Path(await values["code"].download(str(Path(scratch, "code"))))
            argv = [sys.executable, "-u", str(folder / self.script), *values["args"]]
            told = await process.run(what, argv, cwd=folder)
            found: list[Any] = ["\n".join(told.splitlines()[-TAIL_LINES:])]
            if self.output_dir:
                found.append(
                    await process.collected(
                        what, "output_dir", self.outputs["output_dir"], folder / self.output_dir
                    )
                )
        return returned_by(self, found)


def script_task(
    script: Path,
    *,
    cpu: float | str | None = None,
    memory: str | None = None,
    gpu: int = 0,
    gpu_type: str = "T4",
    image: "Image | Sequence[str] | str | None" = None,
    timeout: int = TIMEOUT_S,
    queue: str | None = None,
    output_dir: str | None = None,
) -> ProgramTask:
    """The task that runs a script; its inputs are the directory of the `code` and the `args`.

    Raises:
        DeclarationError: there is no such script.
    """
    from flyte.io import Dir

    if not script.is_file():
        raise DeclarationError(f"There is no script {script}.", hint=f"Paths are relative to {Path.cwd()}.")
    program = PythonScript(
        name=f"script.{script.stem}",
        inputs={"code": Dir, "args": list[str]},
        outputs={"log": str, **({"output_dir": Dir} if output_dir else {})},
        defaults={"args": []},
        script=script.name,
        output_dir=output_dir or "",
    )
    device = Device(gpu, device=gpu_type) if gpu else None
    options = Options(
        short_name=script.name, timeout=timeout, queue=queue, resources=Resources(cpu, memory, gpu=device)
    )
    kept = image if not isinstance(image, list | tuple) else "auto"
    return ProgramTask(program, kept or "auto", options, __name__)  # type: ignore[arg-type]


def code_of(script: Path, include: Sequence[str] = ()) -> "Dir[Any]":
    """The script and what goes along, in a directory of the data directory.

    Raises:
        DeclarationError: a file that is to go along is not there.
    """
    from flyte.io import Dir

    with tempfile.TemporaryDirectory(prefix="flyte-") as scratch:
        folder = Path(scratch, "code")
        folder.mkdir()
        shutil.copy(script, folder)
        for given in include:
            _copy(script.resolve().parent, given, folder)
        return Dir.from_local_sync(str(folder))


def _copy(base: Path, given: str, folder: Path) -> None:
    """A path or a pattern, relative to the script, to its place beside it."""
    plain = base / given
    found = [plain] if plain.exists() else sorted(base.glob(given)) if not Path(given).is_absolute() else []
    if not found:
        raise DeclarationError(f"include_files names {given}, and there is no such file in {base}.")
    for path in found:
        place = folder / (path.relative_to(base) if path.is_relative_to(base) else path.name)
        if path.is_dir():
            shutil.copytree(path, place, dirs_exist_ok=True)
        elif not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, place)


@syncify
async def run_python_script(
    script: str | Path,
    *,
    cpu: float | str | None = None,
    memory: str | None = None,
    gpu: int = 0,
    gpu_type: str = "T4",
    image: "Image | list[str] | None" = None,
    timeout: int = TIMEOUT_S,
    extra_args: list[str] | None = None,
    queue: str | None = None,
    wait: bool = False,
    name: str | None = None,
    debug: bool = False,
    output_dir: str | None = None,
    include_files: list[str] | None = None,
    plugin_config: Any = None,
    clustered: bool = False,
    **cluster: Any,
) -> "Run":
    """Run a plain Python script as a run of one action.

    Its outputs are `log`, the last lines it printed, and `output_dir`, if it was named.

    Args:
        script: Its path.
        cpu: CPUs to reserve; `memory`, `gpu` and `gpu_type` likewise. None unless given.
        image: Kept: the script runs with the Python and the packages of this environment.
        timeout: Seconds that it may take.
        extra_args: Words for the script.
        queue: Kept with the run.
        wait: Return when it has ended.
        name: Of the run.
        debug: Errors show every frame.
        output_dir: A directory, relative to the script, whose content becomes an output.
        include_files: Further paths or patterns, relative to the script, that go along.
        plugin_config: Refused, as is `clustered`: a script runs as one process.

    Raises:
        DeclarationError: a file is not there, or an option means nothing here.
    """
    from flyte._run import with_runcontext

    if plugin_config is not None or clustered or cluster:
        raise DeclarationError("A script runs as one process here: plugin_config and clustered are refused.")
    path = Path(script)
    task = script_task(
        path,
        cpu=cpu,
        memory=memory,
        gpu=gpu,
        gpu_type=gpu_type,
        image=image,
        timeout=timeout,
        queue=queue,
        output_dir=output_dir,
    )
    runner = with_runcontext(name=name, debug=debug, copy_style="none")
    run = await runner.run.aio(task, code=code_of(path, include_files or ()), args=extra_args or [])
    if wait:
        await run.wait.aio()
    return run
