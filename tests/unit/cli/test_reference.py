from pathlib import Path

from click.testing import CliRunner

from flyte._cli.main import cli

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "cli.md"


def test_the_reference_is_what_the_commands_say_of_themselves() -> None:
    said = CliRunner().invoke(cli, ["gen", "docs"], prog_name="flyte").stdout
    assert said == PAGE.read_text(), "write it anew: flyte gen docs > docs/reference/cli.md"
