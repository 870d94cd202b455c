"""The options of a run, each with an effect that can be seen, in both modes alike; secrets; notifications."""

import http.server
import json
import socketserver
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from place import Place, load
from terminal import until

import flyte
from flyte import errors, notify
from flyte.models import ActionPhase
from flyte.remote import Action, ActionDetails, Condition, Run

inside = load("inside")

BEGAN = datetime(2026, 1, 31, 12, 30, tzinfo=UTC)


class Listener:
    """A web server that keeps what it is sent."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str, dict[str, str], Any]] = []
        got = self.got

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                got.append((self.command, self.path, dict(self.headers), json.loads(body)))
                self.send_response(204)
                self.end_headers()

            do_PUT = do_POST

            def log_message(self, *_: Any) -> None: ...

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    found = Listener()
    yield found
    found.close()


@dataclass
class Received:
    """A mail as a mail server takes it."""

    sender: str = ""
    to: list[str] = field(default_factory=list)
    text: str = ""


class Mails:
    """A mail server that keeps what it is sent."""

    def __init__(self) -> None:
        self.got: list[Received] = []
        got = self.got

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                mail = Received()
                self.say("220 here")
                while line := self.rfile.readline().decode().strip():
                    verb = line[:4].upper()
                    if verb == "MAIL":
                        mail.sender = line.partition(":")[2].split()[0]
                    elif verb == "RCPT":
                        mail.to.append(line.partition(":")[2])
                    elif verb == "DATA":
                        self.say("354 go on")
                        lines = iter(lambda: self.rfile.readline().decode(), ".\r\n")
                        mail.text = "".join(lines)
                        got.append(mail)
                    self.say("221 bye" if verb == "QUIT" else "250 fine")
                    if verb == "QUIT":
                        return

            def say(self, line: str) -> None:
                self.wfile.write(f"{line}\r\n".encode())

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.url = f"smtp://127.0.0.1:{self.server.server_address[1]}?from=godwit@example.com"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture(scope="module")
def mails() -> Iterator[Mails]:
    found = Mails()
    yield found
    found.close()


@pytest.fixture(scope="module")
def there(both: Place, mails: Mails) -> Iterator[Place]:
    """With a `.env` beside the project, and a server that may speak to this machine."""
    (both.user.cwd / ".env").write_text('# keys\nexport API_KEY="from the file"\nOTHER=plain # ours\n')
    if both.mode == "server":
        both.user.flyte("start", "server", FLYTE_EGRESS_ALLOW="127.0.0.1", FLYTE_SMTP=mails.url)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLYTE_SMTP", mails.url)
        yield both


# -- What tasks are told ---------------------------------------------------------------------------


def test_every_action_knows_the_options_of_its_run(there: Place) -> None:
    options = {
        "name": f"opted-{there.mode}",
        "project": "snacks",
        "domain": "staging",
        "labels": {"team": "a"},
        "annotations": {"note": "b"},
        "env_vars": {"OWN_VARIABLE": "mine"},
        "custom_context": {"user": "me"},
        "version": "v7",
        "run_start_time": BEGAN,
        "log_level": 20,
        "user_log_level": 10,
        "service_account": "robot",
        "queue": "fast",
        "interruptible": True,
        "cache_lookup_scope": "project-domain",
        "preserve_original_types": True,
        "tracked": True,
    }
    mode = "local" if there.mode == "local" else "remote"
    run = flyte.with_runcontext(mode=mode, **options).run(inside.tells)  # type: ignore[arg-type]
    run.wait()
    assert run.outputs()[0] == {
        "variable": "mine",
        "context": "user=me",
        "version": "v7",
        "started": BEGAN.isoformat(),
        "action": f"snacks/staging/opted-{there.mode}",
        "mode": mode,
        "key": f"opted-{there.mode}",
        "in_cluster": str(mode == "remote"),
    }
    assert run.labels == {"team": "a"}
    log = "\n".join(run.get_logs())
    assert "said by the SDK" in log and "said by the user" in log
    found = Run.listall(project="snacks", domain="staging", with_labels={"team": "a"})
    assert [each.name for each in found] == [run.name]


def test_outputs_of_a_run_that_was_started_here_are_waited_for(there: Place) -> None:
    mode = "local" if there.mode == "local" else "remote"
    run = flyte.with_runcontext(mode=mode, name=f"unwaited-{there.mode}").run(inside.tells)  # type: ignore[arg-type]
    assert run.outputs().o0["mode"] == mode


def test_a_dry_run_prepares_everything_and_creates_nothing(there: Place, tmp_path: Path) -> None:
    before = len(list(Run.listall()))
    runner = flyte.with_runcontext(
        mode="local" if there.mode == "local" else "remote", dry_run=True, copy_bundle_to=tmp_path
    )
    run = runner.run(inside.leaf, x=1)
    run.wait()
    assert run.status == "queued" and run.task_name == "inside.leaf"
    assert [each.suffix for each in tmp_path.iterdir()] == [".gz"]
    assert len(list(Run.listall())) == before
    with pytest.raises(errors.RuntimeDataValidationError):
        runner.run(inside.leaf, x="one")


def test_no_more_actions_go_at_once_than_the_run_allows(there: Place) -> None:
    options = {"max_action_concurrency": 2}
    spans = there.run(inside.spreads, n=8, options=options).outputs()[0]
    most = max(sum(began <= at < ended for began, ended in spans) for at, _ in spans)
    assert most == 2
    assert there.run(inside.deepens, n=8, options={"max_action_concurrency": 1}).outputs()[0] == 8


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ({"mode": "hybrid"}, "hybrid"),
        ({"run_base_dir": "/tmp/x"}, "data directory"),
        ({"cache_lookup_scope": "galaxy"}, "unknown"),
        ({"max_action_concurrency": -1}, "no limit"),
        ({"labels": {"a": 1}}, "labels holds"),
        ({"notifications": "me"}, "no notification"),
    ],
)
def test_what_cannot_be_done_is_refused(option: dict[str, Any], told: str) -> None:
    with pytest.raises(errors.DeclarationError, match=told):
        flyte.with_runcontext(**option)


def test_functions_and_tasks_are_arguments(there: Place) -> None:
    assert there.result(inside.passes) == [11, 2]


# -- Secrets ---------------------------------------------------------------------------------------


def test_secrets_come_from_the_env_file(there: Place) -> None:
    run = there.run(inside.secret)
    assert run.outputs()[0] == ["from the file", None, "plain"]
    assert any("secret nowhere is missing" in line for line in run.get_logs())


def test_a_secret_may_be_a_file(there: Place, tmp_path: Path) -> None:
    found = there.result(inside.filed, mount=str(tmp_path / "etc" / "secrets"))
    assert found == ["from the file", "600", ""]


def test_the_environment_comes_first(there: Place) -> None:
    run = there.run(inside.secret, options={"env_vars": {"API_KEY": "from the environment"}})
    assert run.outputs()[0][0] == "from the environment"


# -- Notifications ---------------------------------------------------------------------------------


def test_others_are_told_when_a_run_ends(there: Place, listener: Listener) -> None:
    url = f"{listener.url}/{there.mode}"
    both_ends = (ActionPhase.SUCCEEDED, "failed")
    given = (
        notify.Slack(on_phase=both_ends, webhook_url=f"{url}/slack"),
        notify.Teams(on_phase=ActionPhase.FAILED, webhook_url=f"{url}/teams", message="{{.Error}}"),
        notify.Webhook(
            on_phase=ActionPhase.FAILED,
            url=f"{url}/hook",
            method="PUT",
            headers={"X-Phase": "{{.Phase}}"},
            body={"text": ["{{.Run.Name}} of {{.Run.Project}}/{{.Run.Domain}}", "{{.Nothing}}"]},
        ),
        notify.Webhook(on_phase=ActionPhase.FAILED, url="http://127.0.0.1:1/nobody"),
    )
    good = there.run(inside.notifies, fail=False, options={"notifications": given})
    bad = there.run(inside.notifies, fail=True, options={"notifications": given})
    until(lambda: len([each for each in listener.got if each[1].startswith(f"/{there.mode}/")]) == 4)
    got = {}
    for method, path, headers, body in listener.got:
        got.setdefault(path, []).append((method, headers, body))
    slack = [body["text"] for _, _, body in got[f"/{there.mode}/slack"]]
    assert f"Run {good.name} (flytesnacks/development): SUCCEEDED" in slack[0]
    assert bad.name in slack[1] and 'FAILED\nValueError: it said "no"\nand left' in slack[1]
    ((_, _, teams),) = got[f"/{there.mode}/teams"]
    assert teams == {"title": f"Run {bad.name} FAILED", "text": 'ValueError: it said "no"\nand left'}
    ((method, headers, hook),) = got[f"/{there.mode}/hook"]
    assert (method, headers["X-Phase"]) == ("PUT", "FAILED")
    assert hook == {"text": [f"{bad.name} of flytesnacks/development", "{{.Nothing}}"]}


def test_a_condition_tells_others_and_takes_their_answer(there: Place, listener: Listener) -> None:
    run = there.start(inside.asks_by_webhook, url=f"{listener.url}/ask-{there.mode}")
    ((_, _, _, body),) = until(lambda: [each for each in listener.got if each[1] == f"/ask-{there.mode}"])
    assert body["text"][0] == "Please answer" and body["n"] == 1
    if there.mode == "local":
        there.user.flyte("start", "server")
    answer(body["text"][1], {"value": True})
    run.wait()
    assert run.outputs()[0] is True


def answer(url: str, body: object) -> None:
    data = json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as response:
        assert response.status == 200


def test_somebody_is_told_that_a_run_asks(there: Place, listener: Listener) -> None:
    told = notify.Webhook(
        on_phase=ActionPhase.PAUSED,
        url=f"{listener.url}/paused-{there.mode}/{{{{.Run.Name}}}}",
        body={"prompt": "{{.Prompt}}", "phase": "{{.Phase}}", "action": "{{.Action.Name}}"},
    )
    run = there.start(inside.asks_to_approve, options={"notifications": told})
    path = f"/paused-{there.mode}/{run.name}"
    ((_, _, _, body),) = until(lambda: [each for each in listener.got if each[1] == path])
    (condition,) = Condition.listall(run.name)
    assert body == {"prompt": 'Really "now"?', "phase": "PAUSED", "action": condition.action_name}
    condition.signal(True)
    run.wait()
    with pytest.raises(errors.DeclarationError, match="PAUSED alone"):
        notify.Webhook(on_phase=(ActionPhase.PAUSED, ActionPhase.FAILED), url="https://example.com")


def test_mails_go_to_the_mail_server(there: Place, mails: Mails, caplog: pytest.LogCaptureFixture) -> None:
    mail = notify.Email(
        on_phase=ActionPhase.FAILED,
        recipients=("a@example.com", "b@example.com"),
        cc="c@example.com",
        bcc=("d@example.com",),
        subject="{{.Run.Name}} went wrong",
        html_body="<b>{{.Error}}</b>",
    )
    given = (mail, notify.NamedDelivery(on_phase=ActionPhase.FAILED, name="oncall"), notify.NamedRule("all"))
    run = there.run(inside.notifies, fail=True, options={"notifications": given})
    assert [each.getMessage().partition("(")[0] for each in caplog.records] == ["NamedDelivery", "NamedRule"]
    (received,) = until(lambda: [each for each in mails.got if run.name in each.text])
    assert received.to == [f"<{name}@example.com>" for name in "abcd"]
    assert received.sender == "<godwit@example.com>"
    assert f"Subject: {run.name} went wrong" in received.text
    assert "Cc: c@example.com" in received.text and "d@example.com" not in received.text
    assert "Project/Domain: flytesnacks/development" in received.text
    assert "<b>ValueError: it said &quot;no&quot;" in received.text


# -- Links -----------------------------------------------------------------------------------------


def test_links_belong_to_their_action(there: Place) -> None:
    run = there.run(inside.links, options={"custom_context": {"team": "ml"}})
    root, first, second = Action.listall(run.name)
    assert root.get_links() == ()
    assert first.get_links() == (("Tracker", f"https://tracker.example/{run.name}/{first.name}?team=ml"),)
    assert [each.url.partition("/" + run.name)[0] for each in second.get_links()] == [
        "https://other.example",
        "https://more.example",
    ]
    shown = there.user.flyte("get", "action", run.name, first.name).stdout
    assert f"Tracker: https://tracker.example/{run.name}/{first.name}?team=ml" in shown


# -- The cache -------------------------------------------------------------------------------------


def test_whose_outcomes_are_used_is_said_by_the_run(there: Place) -> None:
    mode = "local" if there.mode == "local" else "remote"

    def status(project: str, **options: Any) -> str:
        run = flyte.with_runcontext(mode=mode, project=project, **options).run(inside.remembered, x=5)  # type: ignore[arg-type]
        run.wait()
        return ActionDetails.get(run.name, "a0", project=project).cache_status

    assert status("first") == "populated"
    assert status("second", cache_lookup_scope="project-domain") == "populated"
    assert status("third", cache_lookup_scope="global") == "hit"
    assert status("third") == "populated"
    assert status("third") == "hit"


# -- Overriding ------------------------------------------------------------------------------------


def test_what_is_overridden_reaches_the_body(there: Place) -> None:
    found = there.result(inside.overrides)
    assert found == ["InlineIOMaxBytesBreached", 11 * 1024 * 1024, "plain", "theirs"]


def test_variables_of_the_run_go_before_those_of_the_task(there: Place) -> None:
    run = there.run(inside.overrides, options={"env_vars": {"OWN_VARIABLE": "the run's"}})
    assert run.outputs()[0][-1] == "the run's"


def test_the_context_knows_where_it_is(there: Place) -> None:
    assert there.result(inside.knows) == ["outer", "a0", "a0", "dict"]
