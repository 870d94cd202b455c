"""`flyte run python-script FILE`: a plain script as a run of one action."""

from dataclasses import replace
from pathlib import Path

import click

from flyte._cli.run import RunFlags
from flyte._cli.state import settings
from flyte._cli.tasks import TaskEntry


def _commas(ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    """Repeated options, each with words separated by commas."""
    return tuple(word for text in given for word in text.split(",") if word)


@click.command("python-script")
@click.argument("script", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--cpu", help="CPUs to reserve, such as 2 or 500m. None unless given.")
@click.option("--memory", help="Memory that it may use, such as 4Gi. Any unless given.")
@click.option("--gpu", type=click.IntRange(min=0), default=0, help="GPUs to reserve.")
@click.option("--gpu-type", default="T4", show_default=True, help="Which GPUs.")
@click.option("--image", default="", help="Recorded: the script runs in this Python.")
@click.option(
    "--packages", multiple=True, callback=_commas, help="Recorded likewise; install them here beforehand."
)
@click.option(
    "--timeout", type=click.IntRange(min=1), default=3600, show_default=True, help="Seconds it may take."
)
@click.option(
    "--extra-args",
    multiple=True,
    callback=_commas,
    help="Words for the script, separated by commas; repeatable.",
)
@click.option(
    "--output-dir", default="", metavar="PATH", help="A directory of the script's that becomes an output."
)
@click.option(
    "--include-files",
    multiple=True,
    callback=_commas,
    help="Paths or patterns beside the script that go along, separated by commas; repeatable.",
)
@click.option("--queue", default="", help="Recorded with the run.")
@click.pass_context
def python_script(
    ctx: click.Context,
    /,
    script: Path,
    packages: tuple[str, ...],
    image: str,
    extra_args: tuple[str, ...],
    include_files: tuple[str, ...],
    queue: str,
    **given: object,
) -> None:
    """Run a plain Python SCRIPT as a run of one action. No task has to be written.

    The last lines that it prints are the output `log`; a directory named by --output-dir is the
    output `output_dir`. Options of `flyte run` itself, such as --local or --follow, stand before
    python-script.

    \b
    Examples:
      flyte run python-script train.py
      flyte run --follow python-script train.py --extra-args --epochs,3
      flyte run python-script train.py --output-dir results --include-files 'configs/*.yaml'
    """
    from flyte._cli.launch import launch
    from flyte._programs.script import code_of, script_task

    flags = ctx.find_object(RunFlags) or RunFlags()
    task = script_task(script, image=image or list(packages), queue=queue or None, **given)  # type: ignore[arg-type]
    inputs = {"code": code_of(script, include_files), "args": list(extra_args)}
    entry = TaskEntry(script.name, task, script.resolve().parent)
    launch(entry, inputs, replace(flags, copy_style="none"), settings())
