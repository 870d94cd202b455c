"""Which files go with a run: those of the modules that are loaded, or the whole project."""

import os
import site
import sys
import sysconfig
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from flyte._authoring.identity import module_name
from flyte._packaging.ignore import Rule, ignored, rules
from flyte.errors import CodeBundleError

if TYPE_CHECKING:
    from flyte._authoring.task import Task

Files = dict[str, Path]
"""Files by their path in the bundle, `/` between segments."""

_SHOWN: Final = 5

_NEVER: Final = rules(
    [
        ".git/",
        ".hg/",
        ".svn/",
        "__pycache__/",
        "*.pyc",
        "*.pyo",
        ".venv/",
        "venv/",
        "node_modules/",
        ".mypy_cache/",
        ".ruff_cache/",
        ".pytest_cache/",
        ".ipynb_checkpoints/",
        ".tox/",
        ".nox/",
        ".DS_Store",
        ".flyte/",
        "*.egg-info/",
    ]
)
"""Left out of every bundle, unless a `.flyteignore` asks for it with `!`."""

_OWN: Final = ("flyte", "flyte_core", "flyte_server")


def root_of(task: "Task[..., Any]", given: Path | None) -> Path:
    """The folder from which the worker imports: as given, else the one that the task's module comes from."""
    if given is not None:
        return given.resolve()
    module = sys.modules.get(task.func.__module__)
    file = getattr(module, "__file__", None)
    path = Path(file).resolve() if file is not None else None
    if module is None or path is None or not path.is_file():
        return Path.cwd()
    name = module_name(task.func) if module.__name__ == "__main__" else module.__name__
    levels = name.count(".") + (path.name == "__init__.py")
    return path.parents[levels]


def import_paths(root: Path) -> list[str]:
    """The folders below the root, relative to it, that this process imports from too."""
    found = []
    for entry in sys.path:
        path = Path(entry).resolve()
        if path != root and path.is_relative_to(root) and not f"{path}/".startswith(_installed()):
            found.append(path.relative_to(root).as_posix())
    return list(dict.fromkeys(found))


def loaded(task: "Task[..., Any]", root: Path) -> Files:
    """The files of the user's modules that are imported, each where its name says.

    The user's are those below `root`, or on the `PYTHONPATH`, which a worker does not have; what is
    installed is not. Files that environments ask for by `include` go along.

    Raises:
        CodeBundleError: a file cannot be read, or they are too many or too large.
    """
    own = _places_of_users(root)
    files: Files = {}
    for name, module in list(sys.modules.items()):
        path = _source(module)
        if path is None or name.partition(".")[0] in _OWN or not _is_users(path, own):
            continue
        file = Path(path)
        if name == "__main__":
            files.setdefault(_main_path(task, file, root), file)
        else:
            files.setdefault(_module_path(name, file), file)
    files.update(_included(root))
    return check(files)


def everything(root: Path) -> Files:
    """All files below the root, but for what `.gitignore` and `.flyteignore` files leave out.

    Raises:
        CodeBundleError: they are too many or too large.
    """
    return check(dict(_walk(root, root, [*_NEVER, *_rules_above(root)])))


def user_modules(root: Path) -> list[ModuleType]:
    """The user's modules that are imported."""
    own = _places_of_users(root)
    found = []
    for name, module in list(sys.modules.items()):
        path = _source(module)
        if path is not None and name.partition(".")[0] not in (*_OWN, "__main__") and _is_users(path, own):
            found.append(module)
    return found


def check(files: Files) -> Files:
    """The same files, if they may go into a bundle.

    Raises:
        CodeBundleError: they are too many or too large, or one cannot be read.
    """
    sizes: dict[str, int] = {}
    for name, path in files.items():
        try:
            sizes[name] = path.stat().st_size
        except OSError as error:
            raise CodeBundleError(f"{path} cannot be put into the code bundle: {error.strerror}.") from error
    from flyte_core.blobs.archive import Caps

    total, caps = sum(sizes.values()), Caps()
    if len(files) <= caps.files and total <= caps.total_bytes:
        return files
    largest = sorted(sizes, key=lambda name: -sizes[name])[:_SHOWN]
    listed = ", ".join(f"{name} ({sizes[name]:,} bytes)" for name in largest)
    raise CodeBundleError(
        f"The code bundle would hold {len(files):,} files of {total:,} bytes together; it may hold "
        f"{caps.files:,} files and {caps.total_bytes:,} bytes. The largest: {listed}.",
        hint="Leave out what is no code by a .flyteignore file, or use copy_style='loaded_modules'.",
    )


def _source(module: ModuleType) -> str | None:
    path = getattr(module, "__file__", None)
    if not isinstance(path, str) or not path.endswith((".py", ".so")):
        return None
    return path


def _places_of_users(root: Path) -> tuple[str, ...]:
    """Folders, each with a final slash: the root and what the environment adds to the import path."""
    extra = [Path(entry) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    return tuple(f"{entry.resolve()}/" for entry in (root, *extra))


def _is_users(path: str, own: tuple[str, ...]) -> bool:
    folder, _, name = path.rpartition("/")
    real = f"{_real(folder)}/"
    return real.startswith(own) and not real.startswith(_installed()) and Path(real, name).is_file()


@lru_cache(maxsize=4096)
def _real(folder: str) -> str:
    """The folder without links. Modules are many, their folders few."""
    return os.path.realpath(folder)


@lru_cache(maxsize=1)
def _installed() -> tuple[str, ...]:
    """Folders of installed packages and of Python itself."""
    paths = {*sysconfig.get_paths().values(), *site.getsitepackages(), site.getusersitepackages()}
    base = sysconfig.get_paths(vars={"base": sys.base_prefix, "platbase": sys.base_prefix})
    paths |= {base["stdlib"], base["platstdlib"]}
    places = {os.path.realpath(path) for path in paths}
    # A scripts folder or a prefix may be a project's root; libraries never are.
    return tuple(f"{place}/" for place in places if "python" in Path(place).name or "packages" in place)


def _main_path(task: "Task[..., Any]", file: Path, root: Path) -> str:
    """Where the script goes: by the name under which a worker imports it."""
    if task.func.__module__ == "__main__":
        return f"{module_name(task.func, root).replace('.', '/')}.py"
    try:
        return file.resolve().relative_to(root).as_posix()
    except ValueError:
        return file.name


def _module_path(name: str, file: Path) -> str:
    parts = name.split(".")
    if file.name.startswith("__init__."):
        return "/".join([*parts, file.name])
    return "/".join([*parts[:-1], file.name])


def _included(root: Path) -> Files:
    """What environments ask for beyond their modules."""
    from flyte._authoring import environment

    files: Files = {}
    for env in environment.environments():
        place = env.folder or root
        for pattern in env.include:
            matches = [place / pattern] if (place / pattern).exists() else sorted(place.glob(pattern))
            if not matches:
                raise CodeBundleError(
                    f"Environment {env.name} includes {pattern!r}, but there is no such file below {place}.",
                    hint="Correct include= of the environment.",
                )
            for match in matches:
                files.update(_one_or_all(match.resolve(), root))
    return files


def _one_or_all(path: Path, root: Path) -> Iterator[tuple[str, Path]]:
    if not path.is_relative_to(root):
        raise CodeBundleError(
            f"{path} is included, but does not lie below the root {root}.",
            hint="Name a root above it: root_dir=, --root-dir.",
        )
    if path.is_dir():
        yield from _walk(path, root, _NEVER)
    else:
        yield path.relative_to(root).as_posix(), path


def _walk(folder: Path, root: Path, above: list[Rule]) -> Iterator[tuple[str, Path]]:
    base = "" if folder == root else f"{folder.relative_to(root).as_posix()}/"
    here = [*above, *_rules_in(folder, base=base)]
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise CodeBundleError(f"{folder} cannot be read: {error.strerror}.") from error
    for entry in entries:
        name = f"{base}{entry.name}"
        folder_here = entry.is_dir(follow_symlinks=False)
        if ignored(name, here, folder=folder_here):
            continue
        path = Path(entry.path)
        if folder_here:
            if not (path / "pyvenv.cfg").exists():
                yield from _walk(path, root, here)
        elif entry.is_file() and (not entry.is_symlink() or path.resolve().is_relative_to(root)):
            yield name, path


def _rules_in(folder: Path, *, base: str = "", above: str = "") -> list[Rule]:
    found: list[Rule] = []
    for file in (".gitignore", ".flyteignore"):
        try:
            lines = (folder / file).read_text("utf-8", "replace").splitlines()
        except OSError:
            continue
        found += rules(lines, base=base, above=above)
    return found


def _rules_above(root: Path) -> list[Rule]:
    """Of the repository that the root lies in, from its top down."""
    chain = [root, *root.parents]
    top = next((number for number, folder in enumerate(chain) if (folder / ".git").exists()), 0)
    return [
        rule
        for folder in reversed(chain[1 : top + 1])
        for rule in _rules_in(folder, above=f"{root.relative_to(folder).as_posix()}/")
    ]
