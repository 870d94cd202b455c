"""Tasks that are programs, in both modes alike: shell scripts, containers, plain Python scripts."""

import os
from pathlib import Path

import pytest
from place import Place, load
from terminal import until

import flyte
from flyte import errors
from flyte.extras import ContainerTask, shell
from flyte.remote import Action

programs = load("programs")

DOCKER = """#!/bin/sh
# Stands in for Docker: runs the command here, with the mounts where they are.
while [ "$1" != alpine:3.18 ]; do
    case "$2" in *:/var/inputs:ro) inputs=${2%%:*};; *:/var/outputs) outputs=${2%%:*};; esac
    shift
done
shift 3
eval "$(echo "$*" | sed "s#/var/inputs#$inputs#g; s#/var/outputs#$outputs#g")"
"""


@pytest.fixture(scope="module")
def there(both: Place) -> Place:
    """With a `docker` in front of the path."""
    tools = both.user.cwd / "tools"
    tools.mkdir()
    (tools / "docker").write_text(DOCKER)
    (tools / "docker").chmod(0o755)
    os.environ["PATH"] = f"{tools}{os.pathsep}{os.environ['PATH']}"
    if both.mode == "server":
        both.user.flyte("start", "server", PATH=os.environ["PATH"])
    return both


def test_a_script_takes_values_and_leaves_values(there: Place, tmp_path: Path) -> None:
    run = there.run(programs.counts, folder=str(tmp_path))
    assert tuple(run.outputs()) == (2, "looking for it's -loud -most 3")
    _, first, _ = actions = list(Action.listall(run.name))
    assert first.task_name == "count"
    assert list(first.get_logs(filter_system=True)) == ["beside it"]
    assert [each.to_dict()["short_name"] for each in actions] == ["counts", "count", "quiet"]


def test_a_script_takes_options_of_every_kind(there: Place, tmp_path: Path) -> None:
    assert there.result(programs.all_options, folder=str(tmp_path)) == [
        "--names",
        "a b,c",
        "--x",
        "1 2",
        "k=v w",
        "--ints",
        "1:2",
    ]


def test_a_script_may_be_made_within_a_task(there: Place) -> None:
    assert there.result(programs.made_here, x=21) == 42


def test_a_script_is_run_as_a_root(there: Place) -> None:
    run = there.run(programs.fails)
    assert run.status == "failed"
    with pytest.raises(errors.RuntimeUserError, match=r"Script fails ended with exit code 3.*\nbefore"):
        run.outputs()


@pytest.mark.parametrize(("task", "told"), [("silent", "without its output x"), ("words", "'many'.*no int")])
def test_outputs_must_be_there(there: Place, task: str, told: str) -> None:
    with pytest.raises(errors.RuntimeUserError, match=told):
        there.run(getattr(programs, task)).outputs()


def test_an_aborted_script_is_ended_with_all_it_started(there: Place, tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    run = there.start(programs.waits, mark=str(mark))
    pid = int(until(lambda: mark.exists() and mark.read_text()))
    run.abort()
    until(lambda: not Path(f"/proc/{pid}").exists())


def test_a_container_has_its_inputs_and_outputs_mounted(there: Place, tmp_path: Path) -> None:
    assert there.result(programs.greets, folder=str(tmp_path)) == ["Hello, Ada.", "5"]


def test_without_docker_it_says_so(there: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(errors.RuntimeUserError, match="needs Docker or Podman"):
        flyte.with_runcontext(mode="local").run(ContainerTask("none", "alpine", ["true"]))


def test_what_is_declared_is_checked() -> None:
    with pytest.raises(errors.DeclarationError, match=r"inputs\.y"):
        shell.create("bad", inputs={"x": int}, script="echo {inputs.y}")
    with pytest.raises(errors.DeclarationError, match="filled by itself"):
        shell.create("bad", outputs={"o": shell.Stdout()}, script="echo > {outputs.o}")
    with pytest.raises(errors.DeclarationError, match="sideways"):
        shell.create("bad", inputs={"x": int}, flag_aliases={"x": ("-x", "sideways")}, script="true")
    with pytest.raises(errors.DeclarationError, match="names the input y"):
        ContainerTask("bad", "alpine", ["echo", "{{.inputs.y}}"])
    with pytest.raises(errors.DeclarationError, match="no option 'gpus'"):
        ContainerTask("bad", "alpine", ["true"], gpus=1)
    with pytest.raises(errors.DeclarationError, match="belongs to the environment containers"):
        flyte.TaskEnvironment.from_task("again", programs.greeting)
    with pytest.raises(errors.DeclarationError, match="2 images"):
        flyte.TaskEnvironment.from_task(
            "two", ContainerTask("a", "alpine", ["true"]), ContainerTask("b", "debian", ["true"])
        )
    with pytest.raises(TypeError, match="lacks its input 'word'"):
        programs.count.interface.bind((), {"text": "x"})
    with pytest.raises(TypeError, match="has no input 'words'"):
        programs.count.interface.bind((), {"text": "x", "word": "w", "words": 1})


# -- Plain Python scripts --------------------------------------------------------------------------


@pytest.fixture
def script(tmp_path: Path) -> Path:
    (tmp_path / "helper.py").write_text("WORD = 'helped'\n")
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "a.yaml").write_text("a: 1")
    path = tmp_path / "train.py"
    path.write_text(
        "import pathlib, sys, helper\n"
        "print(sys.argv[1:], helper.WORD, pathlib.Path('configs/a.yaml').read_text())\n"
        "pathlib.Path('out').mkdir()\n"
        "pathlib.Path('out/model').write_text('m')\n"
    )
    return path


def test_a_plain_script_is_a_run(there: Place, script: Path) -> None:
    flags = ["--local"] if there.mode == "local" else []
    more = ["--extra-args", "--epochs,3", "--output-dir", "out", "--include-files", "*.py,configs"]
    ended = there.user.flyte("run", *flags, "python-script", str(script), *more)
    assert ended.code == 0, ended.stderr
    name, _, last = ended.stdout.splitlines()
    assert last == "Run 'a0' completed successfully."
    log, folder = flyte.remote.Run.get(name).outputs()
    assert log == "['--epochs', '3'] helped a: 1"
    assert Path(folder.path, "model").read_text() == "m"


def test_code_that_is_not_sent_is_imported_from_where_it_lies(there: Place, tmp_path: Path) -> None:
    package = tmp_path / "src" / "lying"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "words.py").write_text("WORD = 'found'\n")
    task = "import flyte\nfrom lying.words import WORD\nenv = flyte.TaskEnvironment('lying')\n"
    (package / "tasks.py").write_text(f"{task}@env.task\nasync def word() -> str:\n    return WORD\n")
    flags = ["--local"] if there.mode == "local" else []
    where = ["--copy-style", "none", "--root-dir", str(package.parent), str(package / "tasks.py"), "word"]
    ended = there.user.flyte("run", *flags, *where)
    assert ended.code == 0, ended.stderr
    assert flyte.remote.Run.get(ended.stdout.splitlines()[0]).outputs() == "found"


def test_a_plain_script_is_run_from_python(script: Path) -> None:
    run = flyte.run_python_script(script, include_files=["helper.py", "configs/*.yaml"], wait=True)
    assert run.outputs()[0] == "[] helped a: 1"
    with pytest.raises(errors.DeclarationError, match="no script"):
        flyte.run_python_script("nowhere.py")
    with pytest.raises(errors.DeclarationError, match="include_files names x"):
        flyte.run_python_script(script, include_files=["x"])
    with pytest.raises(errors.DeclarationError, match="one process"):
        flyte.run_python_script(script, clustered=True)
