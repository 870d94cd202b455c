"""Tasks that run in a container of their own, by Docker or Podman."""

import contextlib
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from flyte._authoring.task import Options
from flyte._programs import process
from flyte._programs.task import Program, ProgramTask, Types, declared_in, returned
from flyte.errors import DeclarationError, RuntimeUserError

if TYPE_CHECKING:
    from flyte._authoring.image import Image

_INPUT: Final = re.compile(r"\{\{\s*\.inputs\.([^}\s]+)\s*\}\}")
_ENGINES: Final = ("docker", "podman")
_OPTIONS: Final = frozenset(Options.__dataclass_fields__) - {"docs", "report", "triggers", "task_resolver"}


@dataclass(frozen=True)
class Container(Program):
    """An image and the command that is run in it."""

    image: str = ""
    command: tuple[str, ...] = ()
    input_dir: str = "/var/inputs"
    output_dir: str = "/var/outputs"
    env_vars: Mapping[str, str] = field(default_factory=dict)

    async def run(self, values: dict[str, Any]) -> Any:
        """Run it with its inputs and outputs mounted."""
        what = f"Container {self.name}"
        if not self.image:
            raise RuntimeUserError(
                f"The image of {what} would have to be built, and there is no builder here.",
                hint='Name one that exists, such as image="debian:12-slim".',
            )
        engine = next(filter(None, map(shutil.which, _ENGINES)), None)
        if engine is None:
            raise RuntimeUserError(
                f"{what} needs Docker or Podman, and neither is installed here.",
                hint="Install one; or run the program as a process of this machine: flyte.extras.shell.create.",
            )
        with tempfile.TemporaryDirectory(prefix="flyte-") as scratch:
            inputs, outputs = Path(scratch, "inputs"), Path(scratch, "outputs")
            inputs.mkdir()
            outputs.mkdir(mode=0o777)
            words = {name: await self._placed(inputs, name, values[name]) for name in self.inputs}
            command = [_INPUT.sub(lambda found: words.get(found[1], found[0]), each) for each in self.command]
            variables = [
                word for name in self.env_vars for word in ("--env", f"{name}={self.env_vars[name]}")
            ]
            mounts = ["-v", f"{inputs}:{self.input_dir}:ro", "-v", f"{outputs}:{self.output_dir}"]
            name = f"flyte-{Path(scratch).name.rpartition('-')[2].lower()}"
            try:
                await process.run(
                    what,
                    [engine, "run", "--rm", "--name", name, *mounts, *variables, self.image, *command],
                )
            except BaseException:
                # The container is not a child of the client that started it.
                with contextlib.suppress(RuntimeUserError):
                    await process.run(what, [engine, "rm", "--force", name], stderr=Path(scratch, "rm"))
                raise
            found = [
                await process.collected(what, name, kind, outputs / name)
                for name, kind in self.outputs.items()
            ]
        return returned_by(self, found)

    async def _placed(self, folder: Path, name: str, value: Any) -> str:
        """An input beside the program, as a file; returns how its command names it."""
        from flyte.io import Dir, File

        if isinstance(value, File | Dir):
            await value.download(str(folder / name))
            return f"{self.input_dir}/{name}"
        text = process.written(self.inputs[name], value)
        (folder / name).write_text(text, "utf-8")
        return text


def returned_by(program: Program, found: list[Any]) -> Any:
    """The outputs as the task returns them."""
    if len(found) < 2:
        return found[0] if found else None
    return returned(program)(*found)


class ContainerTask(ProgramTask):
    """A task that runs a command in an image; no Python is needed in it.

    Each input is a file in `input_data_dir`, and stands in the command as `{{.inputs.name}}`. Each
    output is what the command has left in `output_data_dir` under its name. Needs Docker or Podman.

    Args:
        name: Of the task.
        image: A reference, or an `Image` made `from_base`.
        command: The words of the command.
        inputs: Types by name; `outputs` likewise.
        arguments: Further words.
        input_data_dir: Where the container finds its inputs.
        output_data_dir: Where it leaves its outputs.
        metadata_format: There for scripts that pass it, as are `local_logs` and `file_input_layout`.
        options: Those of `@env.task` and `task.override`, such as `retries`, `env_vars` or `resources`.

    Raises:
        DeclarationError: the command names an input that is not declared, or an option is unknown.
    """

    def __init__(
        self,
        name: str,
        image: "str | Image",
        command: list[str],
        inputs: Types | None = None,
        arguments: list[str] | None = None,
        outputs: Types | None = None,
        input_data_dir: str | Path = "/var/inputs",
        output_data_dir: str | Path = "/var/outputs",
        metadata_format: Literal["JSON", "YAML", "PROTO"] = "JSON",
        local_logs: bool = True,
        file_input_layout: Literal["DIRECT", "NAMED_DIR"] = "DIRECT",
        **options: Any,
    ) -> None:
        program = Container(
            name=name,
            inputs=dict(inputs or {}),
            outputs=dict(outputs or {}),
            image=_reference(image),
            command=(*command, *(arguments or ())),
            input_dir=str(input_data_dir),
            output_dir=str(output_data_dir),
            env_vars=dict(options.get("env_vars") or {}),
        )
        _check_words(program)
        super().__init__(program, image, options_of(name, options), declared_in())


def options_of(name: str, given: Mapping[str, Any]) -> Options:
    """The options of a program.

    Raises:
        DeclarationError: there is no such option.
    """
    unknown = sorted(given.keys() - _OPTIONS)
    if unknown:
        raise DeclarationError(
            f"{name} has no option {unknown[0]!r}.", hint=f"There are: {', '.join(sorted(_OPTIONS))}."
        )
    return Options(**{key: value for key, value in given.items() if value is not None})


def _reference(image: "str | Image") -> str:
    """The name of an image that exists; empty: it would have to be built."""
    if isinstance(image, str):
        return image
    return "" if image.layers or image.dockerfile else image.base or ""


def _check_words(program: Container) -> None:
    named = [name for word in program.command for name in _INPUT.findall(word)]
    unknown = next((name for name in named if name not in program.inputs), None)
    if unknown is not None:
        raise DeclarationError(
            f"The command of {program.name} names the input {unknown}, which is not declared.",
            hint=f"Its inputs: {', '.join(program.inputs) or 'none'}.",
        )
