"""Shell scripts as tasks: run by a shell of this machine, with inputs and outputs put into the script."""

import re
import shlex
import tempfile
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from flyte._programs import process
from flyte._programs.container import options_of, returned_by
from flyte._programs.task import Program, ProgramTask, Types, declared_in
from flyte.errors import DeclarationError

if TYPE_CHECKING:
    from flyte._authoring.image import Image
    from flyte._authoring.resources import Resources

ListMode = Literal["join", "repeat", "comma"]
DictMode = Literal["pairs", "equals"]

_WORD: Final = re.compile(r"\{(inputs|flags|outputs)\.([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True)
class FlagSpec:
    """How `{flags.x}` writes an input.

    Attributes:
        flag: The option, such as `--threads`.
        list_mode: `join`: the option once, then all values; `repeat`: before each value; `comma`: once, and
            the values with commas between.
        separator: Between the values of `join`.
        dict_mode: `pairs`: `key value`; `equals`: `key=value`.
    """

    flag: str
    list_mode: ListMode = "join"
    separator: str = " "
    dict_mode: DictMode = "pairs"


@dataclass(frozen=True)
class Glob:
    """An output of several files: what the script leaves in the directory `{outputs.x}` that fits the pattern."""

    pattern: str = "*"


@dataclass(frozen=True)
class Stdout:
    """An output: what the script writes to stdout, as a `File` or as a value of another type."""

    type: Any = None


@dataclass(frozen=True)
class Stderr:
    """An output: what the script writes to stderr; see `Stdout`."""

    type: Any = None


@dataclass(frozen=True)
class Script(Program):
    """A script, and how it is to be filled in."""

    script: str = ""
    collect: Mapping[str, Any] = field(default_factory=dict)
    """The outputs as they were declared, collectors and types."""
    flags: Mapping[str, FlagSpec] = field(default_factory=dict)
    shell: str = "/bin/bash"
    debug: bool = False

    async def run(self, values: dict[str, Any]) -> Any:
        """Fill the script in, run it, collect what it left."""
        what = f"Script {self.name}"
        with tempfile.TemporaryDirectory(prefix="flyte-") as scratch:
            folder = Path(scratch)
            words = {name: await self._words(name, values.get(name)) for name in self.inputs}
            text = self._filled(words, folder)
            if self.debug:
                print(text)
            streams: dict[str, Path] = {}
            for name, kind in self.collect.items():
                if isinstance(kind, Stdout | Stderr):
                    streams[type(kind).__name__.lower()] = folder / name
                elif isinstance(kind, Glob) or process.is_dir(kind):
                    (folder / name).mkdir()
            # A pipeline fails when one of its commands does.
            await process.run(
                what,
                [self.shell, "-c", f"set -o pipefail\n{text}"],
                stdout=streams.get("stdout"),
                stderr=streams.get("stderr"),
            )
            found = [
                await self._collected(what, name, kind, folder / name) for name, kind in self.collect.items()
            ]
        return returned_by(self, found)

    async def _words(self, name: str, value: Any) -> list[str]:
        """An input as words of a command line; a dict as keys and values in turn."""
        if value is None:
            return []
        if isinstance(value, Mapping):
            return [str(each) for pair in value.items() for each in pair]
        several = list(value) if isinstance(value, list | tuple) else [value]
        return [
            str(await each.download()) if hasattr(each, "download") else process.written(type(each), each)
            for each in several
        ]

    def _filled(self, words: Mapping[str, list[str]], folder: Path) -> str:
        def put(found: re.Match[str]) -> str:
            kind, name = found.groups()
            if kind == "outputs":
                return shlex.quote(str(folder / name))
            if kind == "flags":
                return self._flag(name, words[name])
            return shlex.join(words[name]) if words[name] or _is_many(self.inputs[name]) else "''"

        return _WORD.sub(put, self.script)

    def _flag(self, name: str, words: list[str]) -> str:
        spec, kind = self.flags.get(name, FlagSpec(f"-{name}")), _bare(self.inputs[name])
        if not words:
            return ""
        if kind is bool:
            return spec.flag if words == ["true"] else ""
        if typing.get_origin(kind) is dict or kind is dict:
            pairs = zip(words[::2], words[1::2], strict=True)
            if spec.dict_mode == "equals":
                return shlex.join(f"{key}={value}" for key, value in pairs)
            return shlex.join(words)
        if spec.list_mode == "repeat":
            return shlex.join(word for each in words for word in (spec.flag, each))
        if spec.list_mode == "comma":
            return shlex.join([spec.flag, ",".join(words)])
        return f"{spec.flag} {spec.separator.join(map(shlex.quote, words))}"

    async def _collected(self, what: str, name: str, kind: Any, path: Path) -> Any:
        from flyte.io import File

        if isinstance(kind, Glob):
            return [
                await File.from_local(str(each)) for each in sorted(path.glob(kind.pattern)) if each.is_file()
            ]
        if isinstance(kind, Stdout | Stderr):
            kind = kind.type or File
        return await process.collected(what, name, kind, path)


class ShellTask(ProgramTask):
    """A script that is a task; see `create`."""

    def as_task(self) -> "ShellTask":
        """Itself; there for code that does not know that it is a task."""
        return self


def create(
    name: str,
    *,
    image: "str | Image" = "auto",
    inputs: Types | None = None,
    outputs: Mapping[str, Any] | None = None,
    script: str,
    flag_aliases: Mapping[str, str | tuple[str, str] | FlagSpec] | None = None,
    defaults: Mapping[str, Any] | None = None,
    shell: str = "/bin/bash",
    debug: bool = False,
    resources: "Resources | None" = None,
    retries: int = 0,
    timeout: int | None = None,
    cache: str = "auto",
    env_vars: dict[str, str] | None = None,
    secrets: Any = None,
    local_logs: bool = True,
) -> ShellTask:
    """Make a task of a shell script: `count = create("count", inputs={"f": File}, outputs={"n": int}, script=...)`.

    In the script `{inputs.x}` is the input, quoted (a file or directory: its path), `{flags.x}` the input
    as an option, and `{outputs.x}` the path where the script is to leave that output. An input that
    may be None leaves its option out.

    Args:
        name: Of the task.
        image: Kept: the script runs as a process of this machine, with the programs that are here.
        inputs: Types by name: plain values, `File`, `Dir`, lists of them, `dict[str, str]` for further words.
        outputs: Types by name, or `Glob`, `Stdout`, `Stderr`.
        script: For the shell.
        flag_aliases: How `{flags.x}` writes an input: the option (`-x` unless given), the option and a
            mode, or a `FlagSpec`.
        defaults: For inputs that a call leaves out.
        shell: What runs it.
        debug: Print the script before it runs.
        resources: As of any task, as are `retries`, `timeout`, `cache`, `env_vars` and `secrets`.
        local_logs: There for scripts that pass it: what the script says is always in the log.

    Raises:
        DeclarationError: the script names something that is not declared.
    """
    collect = dict(outputs or {})
    given = dict(inputs or {})
    program = Script(
        name=name,
        inputs=given,
        outputs={key: _type_of(kind) for key, kind in collect.items()},
        defaults={**{key: None for key, kind in given.items() if _may_be_none(kind)}, **(defaults or {})},
        script=script,
        collect=collect,
        flags={key: _flag_spec(key, each) for key, each in (flag_aliases or {}).items()},
        shell=shell,
        debug=debug,
    )
    _check(program)
    options = {
        "resources": resources,
        "retries": retries,
        "timeout": timeout,
        "cache": cache,
        "env_vars": env_vars,
        "secrets": secrets,
    }
    return ShellTask(program, image, options_of(name, options), declared_in())


def _type_of(kind: Any) -> Any:
    from flyte.io import File

    if isinstance(kind, Glob):
        return list[File[Any]]
    return (kind.type or File) if isinstance(kind, Stdout | Stderr) else kind


def _flag_spec(name: str, given: str | tuple[str, str] | FlagSpec) -> FlagSpec:
    if isinstance(given, FlagSpec):
        return given
    flag, mode = (given, "") if isinstance(given, str) else given
    if mode in typing.get_args(DictMode):
        return FlagSpec(flag, dict_mode=typing.cast(DictMode, mode))
    if mode in ("", *typing.get_args(ListMode)):
        return FlagSpec(flag, typing.cast(ListMode, mode or "join"))
    raise DeclarationError(
        f"flag_aliases[{name!r}] has the mode {mode!r}.", hint="Use join, repeat, comma, pairs or equals."
    )


def _check(program: Script) -> None:
    """Refuse a script that names what is not there."""
    for kind, name in _WORD.findall(program.script):
        declared = program.collect if kind == "outputs" else program.inputs
        if name not in declared:
            known = ", ".join(declared) or "none"
            raise DeclarationError(
                f"The script of {program.name} names {{{kind}.{name}}}, which is not declared.",
                hint=f"There are: {known}.",
            )
        if kind == "outputs" and isinstance(declared[name], Stdout | Stderr):
            raise DeclarationError(
                f"The script of {program.name} names {{outputs.{name}}}: that is filled by itself.",
                hint="Leave it out.",
            )


def _bare(hint: Any) -> Any:
    """The type without `| None`."""
    members = [each for each in typing.get_args(hint) if each is not type(None)]
    return members[0] if _may_be_none(hint) and len(members) == 1 else hint


def _may_be_none(hint: Any) -> bool:
    return type(None) in typing.get_args(hint)


def _is_many(hint: Any) -> bool:
    bare = _bare(hint)
    return (typing.get_origin(bare) or bare) in (list, tuple, dict)
