"""`flyte create config`: a config file, written whole or not at all."""

import os
from pathlib import Path
from typing import Any

import click

from flyte._cli.problem import Problem, say
from flyte._client.endpoint import parse_endpoint

DEFAULT_PATH = Path(".flyte") / "config.yaml"


@click.group()
def create() -> None:
    """Create a config file.

    \b
    Examples:
      flyte create config --project my-project
    """


@create.command("config")
@click.option("--endpoint", metavar="HOST[:PORT]", help="The server to use. Without it: this machine's own.")
@click.option("--insecure/--secure", default=None, help="Speak to the endpoint without TLS (or with it).")
@click.option("--org", help="The organisation.")
@click.option("--project", "-p", help="The project of new runs.")
@click.option("--domain", "-d", help="The domain of new runs.")
@click.option(
    "--image-builder", "--builder", type=click.Choice(["local", "remote"]), help="What builds images."
)
@click.option("--registry", help="Where built images are pushed.")
@click.option("--auth-type", help="How to log in to the endpoint.")
@click.option(
    "--output",
    "-o",
    type=click.Path(dir_okay=False, path_type=Path),
    default=DEFAULT_PATH,
    show_default=True,
    help="The file to write.",
)
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
def create_config(output: Path, force: bool, **given: Any) -> None:
    """Write a config file. None is needed to use this machine's own server.

    \b
    Examples:
      flyte create config --project my-project
      flyte create config --endpoint flyte.example.com --project my-project -o ~/.flyte/config.yaml
      flyte create config --endpoint localhost:4290 --insecure
    """
    if given["endpoint"]:
        _check_endpoint(given["endpoint"], given["insecure"])
    if output.exists() and not force:
        raise Problem(f"{output} is there already.", hint="--force replaces it; -o writes another file.")
    _write(output.expanduser(), _content(given))
    say(f"Wrote {output}. What is in force: flyte get config")


def _check_endpoint(endpoint: str, insecure: bool | None) -> None:
    try:
        parse_endpoint(endpoint, insecure=insecure)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--endpoint") from None


def _content(given: dict[str, Any]) -> str:
    import yaml

    sections = {
        "admin": {"endpoint": "endpoint", "insecure": "insecure", "authType": "auth_type"},
        "task": {"org": "org", "project": "project", "domain": "domain"},
        "image": {"builder": "image_builder", "registry": "registry"},
    }
    content = {
        section: {key: given[option] for key, option in keys.items() if given[option] is not None}
        for section, keys in sections.items()
    }
    content = {section: keys for section, keys in content.items() if keys}
    return yaml.safe_dump(content or {"task": {}}, sort_keys=False)


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(content, encoding="utf-8")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
