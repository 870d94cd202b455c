"""Which files go with a run, how a bundle is named, and when it is uploaded."""

import subprocess
import sys
import tarfile
import textwrap
from io import BytesIO
from pathlib import Path

import pytest

import flyte
from flyte._packaging import bundle as bundles
from flyte._packaging import files
from flyte._packaging.ignore import ignored, rules
from flyte._packaging.upload import Uploads
from flyte.errors import CodeBundleError


def tree(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# {name}\n")


def python(script: str, *, cwd: Path, env: dict[str, str] | None = None) -> str:
    """What a process of its own prints: modules that are loaded there stay there."""
    code = textwrap.dedent(script)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, env=env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


SHOW = """
from pathlib import Path
from flyte._packaging import files
root = files.root_of({task}, {root})
print(root)
for name, path in sorted(files.loaded({task}, root).items()):
    print(name)
"""

TASK = """
import flyte
{imports}
env = flyte.TaskEnvironment(name="e")

@env.task
def main(x: int) -> int:
    return x
"""


def test_the_loaded_modules_below_the_root_go_and_nothing_else(tmp_path: Path) -> None:
    tree(tmp_path, "unused.py", "pkg/__init__.py", "pkg/unused.py", "data.csv")
    (tmp_path / "pkg" / "used.py").write_text("import yaml\n")
    (tmp_path / "script.py").write_text(TASK.format(imports="import pkg.used"))
    shown = python(
        "import sys; sys.path.insert(0, '.'); import script" + SHOW.format(task="script.main", root="None"),
        cwd=tmp_path,
    )
    assert shown.split() == [str(tmp_path), "pkg/__init__.py", "pkg/used.py", "script.py"]


def test_modules_go_where_their_names_say_wherever_they_were_found(tmp_path: Path) -> None:
    """With a `src` layout, and with libraries that only `PYTHONPATH` knows."""
    tree(tmp_path, "project/src/pkg/__init__.py", "elsewhere/shared.py")
    (tmp_path / "project/src/pkg/tasks.py").write_text(TASK.format(imports="import shared"))
    shown = python(
        "import sys; sys.path.insert(0, 'src'); import pkg.tasks"
        + SHOW.format(task="pkg.tasks.main", root="Path('.')"),
        cwd=tmp_path / "project",
        env={"PYTHONPATH": str(tmp_path / "elsewhere"), "PATH": "/usr/bin:/bin"},
    )
    assert shown.split() == [str(tmp_path / "project"), "pkg/__init__.py", "pkg/tasks.py", "shared.py"]


def test_the_root_is_where_the_module_is_imported_from(tmp_path: Path) -> None:
    tree(tmp_path, "a/__init__.py", "a/b/__init__.py")
    (tmp_path / "a/b/c.py").write_text(TASK.format(imports=""))
    shown = python(
        "import sys; sys.path.insert(0, '.'); import a.b.c" + SHOW.format(task="a.b.c.main", root="None"),
        cwd=tmp_path,
    )
    assert shown.split() == [str(tmp_path), "a/__init__.py", "a/b/__init__.py", "a/b/c.py"]


def test_a_script_goes_by_the_name_a_worker_imports(tmp_path: Path) -> None:
    script = TASK.format(imports="") + SHOW.format(task="main", root="None")
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "nightly.py").write_text(script)
    done = subprocess.run(
        [sys.executable, "jobs/nightly.py"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [str(tmp_path / "jobs"), "nightly.py"]


def test_files_that_an_environment_includes_go_along(tmp_path: Path) -> None:
    tree(tmp_path, "conf/a.yaml", "conf/deep/b.yaml", "model.bin", "other.bin")
    text = TASK.format(imports="").replace('name="e"', 'name="e", include=("conf", "model.*")')
    (tmp_path / "script.py").write_text(text)
    shown = python(
        "import sys; sys.path.insert(0, '.'); import script" + SHOW.format(task="script.main", root="None"),
        cwd=tmp_path,
    )
    assert shown.split()[1:] == ["conf/a.yaml", "conf/deep/b.yaml", "model.bin", "script.py"]


def test_all_files_go_but_for_what_is_ignored(tmp_path: Path) -> None:
    tree(
        tmp_path,
        "a.py",
        "data/big.bin",
        "data/keep.txt",
        "out/x.txt",
        "sub/.gitignore",
        "sub/local.txt",
        "sub/b.py",
        "__pycache__/a.pyc",
        ".venv/lib/x.py",
        "myenv/pyvenv.cfg",
        "myenv/lib/y.py",
        ".git/config",
    )
    (tmp_path / ".gitignore").write_text("*.bin\nout/\n")
    (tmp_path / "sub/.gitignore").write_text("/local.txt\n")
    (tmp_path / ".flyteignore").write_text("data/*\n!data/keep.txt\n")
    assert sorted(files.everything(tmp_path)) == [
        ".flyteignore",
        ".gitignore",
        "a.py",
        "data/keep.txt",
        "sub/.gitignore",
        "sub/b.py",
    ]


def test_a_folder_of_a_repository_follows_the_rules_above_it(tmp_path: Path) -> None:
    tree(tmp_path, ".git/config", "part/a.py", "part/secret.txt", "part/x.log")
    (tmp_path / ".gitignore").write_text("*.log\n/part/secret.txt\n/x.py\n")
    assert sorted(files.everything(tmp_path / "part")) == ["a.py"]


def test_links_that_lead_out_of_the_root_stay_behind(tmp_path: Path) -> None:
    tree(tmp_path, "root/a.py", "outside.txt")
    (tmp_path / "root/out").symlink_to(tmp_path / "outside.txt")
    (tmp_path / "root/inside").symlink_to(tmp_path / "root/a.py")
    (tmp_path / "root/loop").symlink_to(tmp_path / "root")
    assert sorted(files.everything(tmp_path / "root")) == ["a.py", "inside"]


@pytest.mark.parametrize(
    ("pattern", "path", "folder", "expected"),
    [
        ("*.txt", "a/b.txt", False, True),
        ("/b.txt", "a/b.txt", False, False),
        ("a/b.txt", "a/b.txt", False, True),
        ("a/b.txt", "x/a/b.txt", False, False),
        ("build/", "x/build", True, True),
        ("build/", "x/build", False, False),
        ("**/logs", "a/b/logs", True, True),
        ("a/**/z", "a/z", False, True),
        ("a/**/z", "a/b/c/z", False, True),
        ("a/**", "a/b/c", False, True),
        ("a/**", "a", True, False),
        ("f?o", "foo", False, True),
        ("f?o", "f/o", False, False),
        ("[a-c].py", "b.py", False, True),
        ("[!a-c].py", "b.py", False, False),
        ("[", "[", False, True),
        ("\\#x", "#x", False, True),
        ("#x", "#x", False, False),
        ("x\\ ", "x ", False, True),
        ("x   ", "x", False, True),
        ("", "", False, False),
        ("foo*bar", "foo/bar", False, False),
    ],
)
def test_patterns_mean_what_git_says(pattern: str, path: str, folder: bool, expected: bool) -> None:
    assert ignored(path, rules([pattern]), folder=folder) is expected


def test_a_bundle_is_named_by_names_and_contents_only(tmp_path: Path) -> None:
    tree(tmp_path, "one/a.py", "two/a.py")
    (tmp_path / "two/a.py").write_text((tmp_path / "one/a.py").read_text())
    first = bundles.digest_of({"a.py": tmp_path / "one/a.py"})
    assert bundles.digest_of({"a.py": tmp_path / "two/a.py"}) == first
    assert bundles.digest_of({"b.py": tmp_path / "two/a.py"}) != first
    (tmp_path / "two/a.py").write_text("changed")
    assert bundles.digest_of({"a.py": tmp_path / "two/a.py"}) != first


env = flyte.TaskEnvironment(name="packaging_tests")


@env.task
def installed_here(x: int) -> int:
    return x


def test_a_bundle_holds_the_files_and_packs_the_same_twice() -> None:
    root = files.root_of(installed_here, None)
    made = bundles.bundle(installed_here, "loaded_modules", root)
    assert made is not None
    data = made.make()
    assert data == made.make()
    with tarfile.open(fileobj=BytesIO(data)) as archive:
        assert Path(__file__).relative_to(root).as_posix() in archive.getnames()
    assert made.name == f"fast{made.version}.tar.gz"


def test_no_code_goes_when_none_is_wanted() -> None:
    assert bundles.bundle(installed_here, "none", Path(__file__).parent) is None


def test_what_is_too_large_is_refused_with_the_largest_named(
    tmp_path: Path,
) -> None:
    tree(tmp_path, "small.py")
    with (tmp_path / "huge.bin").open("wb") as file:
        file.truncate(2 << 30)
    with pytest.raises(CodeBundleError, match=r"huge\.bin \(2,147,483,648 bytes\)") as caught:
        files.everything(tmp_path)
    assert ".flyteignore" in caught.value.hint


def test_a_task_that_a_worker_could_not_import_from_the_root_is_refused(tmp_path: Path) -> None:
    tree(tmp_path, "src/pkg/__init__.py")
    (tmp_path / "src/pkg/tasks.py").write_text(TASK.format(imports=""))
    shown = python(
        """
        import sys; sys.path.insert(0, 'src')
        import pkg.tasks
        from pathlib import Path
        from flyte._packaging.bundle import bundle
        from flyte.errors import CodeBundleError
        try:
            bundle(pkg.tasks.main, "all", Path(".").resolve())
        except CodeBundleError as error:
            print(error)
        print(bundle(pkg.tasks.main, "all", Path("src").resolve()).name[:4])
        """,
        cwd=tmp_path,
    )
    assert "src/pkg/tasks.py" in shown
    assert shown.endswith("fast\n")


def test_uploads_are_remembered_until_the_file_is_gone(tmp_path: Path) -> None:
    stored = tmp_path / "fast1.tar.gz"
    stored.write_bytes(b"x")
    Uploads(tmp_path / "home").remember("k", str(stored))
    assert Uploads(tmp_path / "home").find("k") == str(stored)
    assert Uploads(tmp_path / "home").find("other") is None
    stored.unlink()
    assert Uploads(tmp_path / "home").find("k") is None


def test_a_damaged_memory_of_uploads_is_an_empty_one(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path)
    uploads.remember("k", "s3://bucket/x")
    assert uploads.find("k") == "s3://bucket/x"
    uploads.forget("k")
    assert uploads.find("k") is None
    (tmp_path / "client/bundles.json").write_text("{damaged")
    assert uploads.find("k") is None
    uploads.remember("k", "s3://bucket/x")
    assert uploads.find("k") == "s3://bucket/x"
