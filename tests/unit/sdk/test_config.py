"""Where settings come from, which of them wins, and what is said of bad ones."""

from pathlib import Path

import pytest

import flyte
from flyte import _config, _session, errors, git


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_without_anything_the_defaults_hold(data_dir: Path) -> None:
    config = _config.load()
    assert (config.endpoint, config.project, config.domain) == ("", "flytesnacks", "development")
    assert config.home == data_dir
    assert config.source("project") == "default"


def test_a_file_is_found_in_the_documented_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    here = tmp_path / "repo" / "deep"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("UCTL_CONFIG", str(tmp_path / "uctl.yaml"))
    monkeypatch.setenv("FLYTECTL_CONFIG", str(tmp_path / "flytectl.yaml"))
    places = [
        tmp_path / ".flyte" / "config.yaml",
        tmp_path / ".union" / "config.yaml",
        tmp_path / "flytectl.yaml",
        tmp_path / "uctl.yaml",
        tmp_path / "repo" / ".flyte" / "config.yaml",
        here / ".flyte" / "config.yaml",
        here / "config.yaml",
    ]
    for number, place in enumerate(places):
        write(place, f"task:\n  project: p{number}\n")
        config = _config.load()
        assert config.project == f"p{number}"
        assert config.file == place and config.source("project") == str(place)


def test_the_file_of_the_repository_can_be_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "deep" / "er"
    here.mkdir(parents=True)
    monkeypatch.chdir(here)
    assert git.config_from_root() is None
    (tmp_path / ".git").mkdir()
    assert git.config_from_root() is None
    write(tmp_path / "conf" / "mine.yaml", "task:\n  project: ours\n")
    found = git.config_from_root("conf/mine.yaml")
    assert found is not None
    assert found.project == "ours"


def test_a_file_of_another_program_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path / "config.yaml", "database: mine\n")
    assert _config.load().file is None


def test_variables_win_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(
        tmp_path / "config.yaml",
        "admin:\n  endpoint: dns:///a:1\n  insecure: true\ntask:\n  domain: staging\n",
    )
    monkeypatch.setenv("FLYTE_ADMIN_ENDPOINT", "b:2")
    monkeypatch.setenv("FLYTE_ADMIN_INSECURE_SKIP_VERIFY", "yes")
    config = _config.load()
    assert (config.endpoint, config.insecure, config.insecure_skip_verify) == ("b:2", True, True)
    assert (config.domain, config.source("endpoint")) == ("staging", "$FLYTE_ADMIN_ENDPOINT")
    assert ("task.domain", "staging", str(tmp_path / "config.yaml")) in config.rows()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("admin: [", "no YAML"),
        ("admin:\n  insecure: perhaps\n", "admin.insecure in .* is 'perhaps': it is neither true nor false"),
        ("server:\n  port: 99999\n", "server.port in .* no port"),
        ("admin:\n  endpoint: [a]\n", "admin.endpoint in .* no text"),
    ],
)
def test_a_bad_file_is_named_with_the_reason(tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path / "config.yaml", text)
    with pytest.raises(errors.ConfigurationError, match=message) as caught:
        _config.load()
    assert caught.value.hint


def test_a_bad_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLYTE_PORT", "http")
    with pytest.raises(errors.ConfigurationError, match=r"\$FLYTE_PORT is 'http'"):
        _config.load()


def test_a_named_file_must_be_there_and_be_one(tmp_path: Path) -> None:
    with pytest.raises(errors.ConfigurationError, match="There is no configuration file"):
        flyte.init_from_config(tmp_path / "none.yaml")
    with pytest.raises(errors.ConfigurationError, match="is no configuration"):
        flyte.init_from_config(write(tmp_path / "other.yaml", "a: 1\n"))


def test_arguments_win_over_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "config.yaml", "task:\n  project: file\n")
    monkeypatch.setenv("FLYTE_PROJECT", "variable")
    flyte.init(project="argument")
    config = _session.current().config
    assert (config.project, config.source("project")) == ("argument", "flyte.init()")


def test_an_endpoint_makes_runs_remote() -> None:
    flyte.init()
    assert _session.current().mode == "local"
    flyte.init(endpoint="localhost:1")
    assert _session.current().mode == "remote"


async def test_init_can_be_awaited() -> None:
    await flyte.init.aio(project="p")
    assert _session.current().config.project == "p"


def test_a_root_that_is_no_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(errors.ConfigurationError, match="no directory"):
        flyte.init(root_dir=tmp_path / "none")
