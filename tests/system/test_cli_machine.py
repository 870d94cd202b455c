"""The server, aborts, configuration, completion: everything around runs."""

import http.server
import json
import os
import socket
import subprocess
import sys
import threading

import yaml
from powerless import powerless
from terminal import FLYTE, Terminal, free_port, until


def test_server_starts_is_found_and_stops(user: Terminal) -> None:
    said = user.flyte("start", "server", "-of", "json")
    info = said.json()
    assert info.keys() >= {"pid", "url", "data_dir", "version"}
    assert info["url"] == f"http://localhost:{user.port}"
    assert info["data_dir"] == str(user.home)
    os.kill(info["pid"], 0)
    again = user.flyte("start", "server", "-of", "json")
    assert again.json()["pid"] == info["pid"]
    assert user.get("server")["pid"] == info["pid"]
    user.flyte("stop", "server")
    user.flyte("get", "server", code=1)
    assert "No server was running" in user.flyte("stop", "server").stderr


def test_a_taken_port_that_was_asked_for_is_named(user: Terminal) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", user.port))
        taken.listen()
        said = user.flyte("start", "server", code=1)
    assert str(user.port) in said.stderr
    assert said.stdout == ""
    user.flyte("get", "server", code=1)


def test_a_server_of_another_version_is_not_worked_with(page: Terminal) -> None:
    info = {"pid": os.getpid(), "data_dir": str(page.home), "version": "0.0.9"}

    class Older(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(info).encode())

        def log_message(self, *_: object) -> None:
            pass

    page.home.mkdir(exist_ok=True)
    with http.server.HTTPServer(("127.0.0.1", 0), Older) as older:
        info["url"] = f"http://localhost:{older.server_port}"
        (page.home / "server.json").write_text(json.dumps(info))
        serving = threading.Thread(target=older.serve_forever)
        serving.start()
        try:
            for words in (["start", "server"], ["run", "my_script.py", "pipeline", "--x", "5"]):
                said = page.flyte(*words, code=1)
                assert "is version 0.0.9" in said.stderr
                assert "flyte stop server" in said.stderr
                assert said.stdout == ""
        finally:
            older.shutdown()
            serving.join()
    assert page.get("run") == []


def test_a_run_is_aborted_with_its_reason(odd: Terminal) -> None:
    run = odd.run("--detach", "odd.py", "calls_waits", "--marker", "never").lines[0]
    until(lambda: len([each for each in odd.get("action", run) if each["phase"] == "running"]) == 2)
    odd.flyte("abort", "run", run, "--reason", "wrong inputs")
    until(lambda: odd.get("run", run)["phase"] == "aborted")
    assert {each["phase"] for each in odd.get("action", run)} == {"aborted"}
    assert "wrong inputs" in odd.get("run", run)["error"]["message"]
    again = odd.flyte("abort", "run", run)
    assert "already ended" in again.stderr


def test_one_action_is_aborted(odd: Terminal) -> None:
    run = odd.run("--detach", "odd.py", "calls_waits", "--marker", "never").lines[0]
    child = until(lambda: [each["name"] for each in odd.get("action", run) if each["parent"] == "a0"])[0]
    odd.flyte("abort", "action", run, child)
    until(lambda: odd.get("run", run)["end_time"])
    assert odd.get("action", run, child)["phase"] == "aborted"
    assert odd.get("run", run)["error"]["code"] == "ActionAbortedError"


def test_a_local_run_is_aborted_from_another_terminal(odd: Terminal) -> None:
    running = odd.popen("run", "--local", "odd.py", "many", "--count", "3000")
    assert running.stdout is not None
    run = running.stdout.readline().strip()
    odd.flyte("abort", "run", run)
    running.communicate(timeout=60)
    assert running.returncode == 1
    assert odd.get("run", run)["phase"] == "aborted"


def test_create_config_writes_what_get_config_reads(user: Terminal) -> None:
    user.flyte(
        "create", "config", "--endpoint", "flyte.example.com", "--project", "birds", "--domain", "production"
    )
    path = user.cwd / ".flyte" / "config.yaml"
    assert yaml.safe_load(path.read_text()) == {
        "admin": {"endpoint": "flyte.example.com"},
        "task": {"project": "birds", "domain": "production"},
    }
    settings = {row["name"]: row for row in user.get("config")}
    assert settings["task.project"]["value"] == "birds"
    assert settings["task.project"]["source"] == str(path)
    assert settings["task.org"]["source"] == "default"
    before = path.read_text()
    said = user.flyte("create", "config", code=1)
    assert "--force" in said.stderr
    assert path.read_text() == before
    user.flyte("create", "config", "--force", "--project", "other")
    assert user.get("config")[0]["value"] == ""
    user.flyte("create", "config", "--endpoint", "ftp://x", "-o", "other.yaml", code=2)
    assert not (user.cwd / "other.yaml").exists()


def test_variables_win_over_files_and_the_command_line_over_both(user: Terminal) -> None:
    user.write("config.yaml", "task:\n  project: from-file\n  domain: from-file\n")
    user.env["FLYTE_PROJECT"] = "from-variable"
    found = {row["name"]: (row["value"], row["source"]) for row in user.get("config", "-d", "typed")}
    assert found["task.project"] == ("from-variable", "$FLYTE_PROJECT")
    assert found["task.domain"] == ("typed", "the command line")


def test_whoami(user: Terminal) -> None:
    found = user.flyte("whoami", "-of", "json").json()
    assert found["server"] == "not running"
    assert found["project"] == "flytesnacks"
    assert found["data_dir"] == str(user.home)
    assert "not running" in user.flyte("whoami").stdout


def test_the_configured_endpoint_is_asked(page: Terminal) -> None:
    run = page.run("my_script.py", "pipeline", "--x", "5").lines[0]
    elsewhere = Terminal(page.cwd, page.home.with_name("elsewhere"))
    endpoint = ["--endpoint", f"localhost:{page.port}"]
    assert elsewhere.flyte(*endpoint, "get", "run", run, "-of", "json").json()["outputs"] == {"o0": 20}
    assert len(elsewhere.flyte(*endpoint, "get", "action", run, "-of", "json").json()) == 3


def test_completion_knows_commands_and_tasks(page: Terminal) -> None:
    for shell in ("bash", "zsh", "fish"):
        assert "_FLYTE_COMPLETE" in page.flyte("completion", shell).stdout

    def complete(*words: str) -> list[str]:
        line = ["flyte", *words]
        found = page.flyte(
            code=None,
            _FLYTE_COMPLETE="bash_complete",
            COMP_WORDS=" ".join(line),
            COMP_CWORD=str(len(line) - 1),
        )
        return [entry.partition(",")[2] for entry in found.lines]

    assert complete("wh") == ["whoami"]
    assert complete("get", "a") == ["action"]
    assert complete("run", "my_script.py", "") == ["step_one", "step_two", "pipeline"]
    assert complete("run", "my_script.py", "pipeline", "--") == ["--x", "--help"]


def test_help_is_there_for_every_command(user: Terminal) -> None:
    commands = [
        *(["run"], ["get"], ["abort"], ["start"], ["stop"], ["create"], ["whoami"], ["completion"]),
        *(["get", noun] for noun in ("run", "action", "io", "logs", "server", "config")),
        *(["abort", noun] for noun in ("run", "action")),
        *([verb, "server"] for verb in ("start", "stop")),
        ["create", "config"],
    ]
    for words in [[], *commands]:
        said = user.flyte(*words, "--help")
        assert said.stdout.startswith("Usage: flyte")
        assert said.stderr == ""
    for words in commands:
        if words not in (["get"], ["abort"], ["start"], ["stop"], ["create"]):
            assert "Examples:" in user.flyte(*words, "--help").stdout, words
    assert "0.1.0" in user.flyte("--version").stdout


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys\n"
        "from flyte._cli.main import invoke\n"
        "invoke(['--help'])\n"
        "heavy = ('asyncio', 'google.protobuf', 'rich', 'pydantic', 'apsw', 'yaml')\n"
        "sys.exit(','.join(name for name in heavy if name in sys.modules) or 0)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_an_endpoint_that_is_not_there_is_named(user: Terminal) -> None:
    port = free_port()
    endpoint = ["--endpoint", f"localhost:{port}", "--insecure"]
    user.write(
        "one.py",
        "import flyte\nenv = flyte.TaskEnvironment(name='one')\n@env.task\ndef one() -> int:\n    return 1\n",
    )
    for words in (
        ["get", "run"],
        ["get", "run", "r1"],
        ["run", "one.py", "one"],
        ["rerun", "r1"],
        ["abort", "run", "r1"],
    ):
        said = user.flyte(*endpoint, *words, code=1, seconds=20)
        assert f"cannot connect to http://localhost:{port}: connection refused" in said.stderr, words
        assert "flyte get config" in said.stderr
        assert len(said.stderr.splitlines()) == 2
        assert said.stdout == ""


def test_an_endpoint_that_is_something_else_is_named(user: Terminal) -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        said = user.flyte("--endpoint", f"localhost:{other.server_port}", "--insecure", "get", "run", code=1)
        other.shutdown()
    assert f"http://localhost:{other.server_port}/" in said.stderr
    assert "is this the address of a Flyte server?" in said.stderr
    assert "flyte get config" in said.stderr


def test_a_data_directory_that_cannot_be_written_is_named(page: Terminal) -> None:
    """By every command that would write there; nothing is half-made."""
    locked = page.cwd.parent / "locked"
    locked.mkdir(mode=0o500)
    for words in (
        ["run", "my_script.py", "pipeline", "--x", "5"],
        ["run", "--local", "my_script.py", "pipeline", "--x", "5"],
        ["start", "server"],
    ):
        ended = subprocess.run(
            powerless([FLYTE, *words]),
            cwd=page.cwd,
            env=page.environment(FLYTE_HOME=str(locked / "home")),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ended.returncode == 1, words
        assert str(locked / "home") in ended.stderr
        assert "FLYTE_HOME" in ended.stderr
        assert ended.stdout == ""
    assert list(locked.iterdir()) == []
