"""The console's data over real HTTP."""

import base64
import json
from urllib.parse import quote

import pytest
from console_history import DOMAIN, PROJECT

from flyte_core.model import ActionName, PayloadRef
from flyte_server.console import logfile
from flyte_server.console.columns import unpack

RUNS = f"/v2/api/runs?project={PROJECT}&domain={DOMAIN}"
RUN = f"/v2/api/runs/{PROJECT}/{DOMAIN}"


def test_the_list_has_status_counts_and_the_newest_first(site):
    site.history.pipeline("rfirst")
    site.history.forecast("rsecond", shards=20)
    answer = site.get(RUNS).json
    first, second = answer["runs"]
    assert (first["name"], first["phase"], first["task_name"]) == ("rsecond", "running", "nightly.main")
    assert sum(first["by_phase"].values()) == first["actions"] > 20
    assert (second["name"], second["phase"], second["duration_ms"], second["actions"]) == (
        "rfirst",
        "succeeded",
        414,
        3,
    )
    assert answer["total"] == 2


def test_the_list_is_filtered_searched_and_paged(site):
    for name in ("ra", "rb", "rc"):
        site.history.pipeline(name)
    site.history.forecast("rlive", shards=4)
    names = [run["name"] for run in site.get(f"{RUNS}&phase=succeeded&limit=2").json["runs"]]
    assert names == ["rc", "rb"]
    cursor = site.get(f"{RUNS}&phase=succeeded&limit=2").json["cursor"]
    assert [
        run["name"] for run in site.get(f"{RUNS}&phase=succeeded&cursor={quote(cursor)}").json["runs"]
    ] == ["ra"]
    assert [run["name"] for run in site.get(f"{RUNS}&q=NIGHTLY").json["runs"]] == ["rlive"]
    assert site.get(RUNS.replace(PROJECT, "elsewhere")).json["runs"] == []


def test_wrong_questions_are_answered_with_what_to_ask(site):
    bad = site.get(f"{RUNS}&phase=happy")
    assert bad.status == 400
    assert "queued" in bad.json["error"]["hint"]
    assert site.get(f"{RUNS}&limit=many").status == 400
    gone = site.get(f"{RUN}/rnone")
    assert gone.status == 404
    assert "rnone" in gone.json["error"]["message"]
    assert "flyte get run" in gone.json["error"]["hint"]
    assert site.get("/v2/api/nothing/here").status == 404


def test_a_run_and_its_snapshot_are_served_and_revalidated(site):
    root = site.history.pipeline()
    assert site.get(f"{RUN}/{root.run.name}").json["run"]["task_version"] == "3f9c1a2b7d"
    answer = site.get(f"{RUN}/{root.run.name}/snapshot")
    header, columns = unpack(answer.body)
    assert [header["names"][i] for i in columns["name"]] == ["pipeline", "step_one", "step_two"]
    again = site.get(f"{RUN}/{root.run.name}/snapshot", If_None_Match=answer.headers["etag"])
    assert (again.status, again.body) == (304, b"")


def test_an_action_tells_its_attempts_and_its_error(site):
    root = site.history.forecast(shards=30)
    _, columns = unpack(site.get(f"{RUN}/{root.run.name}/snapshot").body)
    retried = columns["id"][columns["attempts"].index(2)]
    action = site.get(f"{RUN}/{root.run.name}/actions/{retried}").json["action"]
    assert [attempt["state"] for attempt in action["tries"]] == ["failed", "ok"]
    assert action["tries"][0]["error"]["message"] == "connection reset"
    assert action["limits"]["user_retries"] == 2
    failed = columns["id"][columns["phase"].index(6)]
    error = site.get(f"{RUN}/{root.run.name}/actions/{failed}").json["action"]["error"]
    assert (error["code"], error["kind"]) == ("ValueError", "user")
    assert "score.py" in error["traceback"]
    assert site.get(f"{RUN}/{root.run.name}/actions/anone").status == 404


def test_inputs_and_outputs_are_named_typed_and_bounded(site):
    root = site.history.pipeline()
    io = site.get(f"{RUN}/{root.run.name}/actions/a0/io").json
    assert io["inputs"]["values"] == [
        {"name": "x", "type": "int", "size_bytes": 1, "truncated": False, "value": 5}
    ]
    assert io["outputs"]["values"][0]["value"] == 20

    big = site.history.run("rbig", "env.big", {"text": "y" * 100_000, "small": 1})
    values = {v["name"]: v for v in site.get(f"{RUN}/rbig/actions/a0/io").json["inputs"]["values"]}
    assert values["small"]["value"] == 1
    assert values["text"]["truncated"] is True
    assert values["text"]["size_bytes"] == 100_002
    assert len(values["text"]["preview"]) < 10_000
    whole = site.get(f"{RUN}/{big.run.name}/actions/a0/io/inputs?name=text")
    assert json.loads(whole.body) == "y" * 100_000
    assert whole.headers["content-disposition"] == 'attachment; filename="rbig-a0-text.json"'
    assert whole.headers["content-security-policy"].startswith("sandbox")
    assert site.get(f"{RUN}/rbig/actions/a0/io/outputs").status == 404
    assert site.get(f"{RUN}/rbig/actions/a0/io/inputs?name=other").status == 404
    assert site.get(f"{RUN}/rbig/actions/a0/io/secrets").status == 404


def test_nothing_outside_the_data_directory_is_opened(site, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(b"not yours")
    root = site.history.run("rout", "env.out", {"x": 1})
    store = site.context.store
    action = store.action(root)
    for uri in (str(secret), f"file://{secret}", f"{site.context.layout.home}/../secret", "s3://bucket/key"):
        moved = action.evolve(inputs=PayloadRef(action.inputs.sha256, 9, uri))
        store._state.runs[root.run].actions[ActionName("a0")] = moved
        side = site.get(f"{RUN}/rout/actions/a0/io").json["inputs"]
        assert side["values"] == []
        assert "does not read" in side["problem"]
        assert site.get(f"{RUN}/rout/actions/a0/io/inputs").status == 404


def test_labels_are_the_short_inputs_of_many_actions(site):
    root = site.history.run("rfan", "env.main")
    site.history.claim(root)
    site.history.start(root)
    keys = site.history.call(root, *[("env.shard", {"shard": i, "blob": {"a": 1}}) for i in range(3)])
    names = ",".join([key.name for key in keys] + ["anone"])
    assert site.get(f"{RUN}/rfan/labels?actions={names}").json["labels"] == {
        key.name: [["shard", str(i)]] for i, key in enumerate(keys)
    }


def test_a_log_comes_live_and_ends_with_the_attempt(site):
    history = site.history
    root = history.run("rlog", "env.noisy")
    history.claim(root)
    history.start(root)
    history.write_log(root, "one", "two")
    events = site.events(f"{RUN}/rlog/actions/a0/logs")
    assert events.until("begin")[1] == {"attempt": 1, "first_line": 0, "skipped_bytes": 0}
    assert [line[3] for line in events.until("lines")[1]["lines"]] == ["one", "two"]
    history.write_log(root, "three", stream="e")
    _, data, position = events.until("lines")
    assert [(line[0], line[2], line[3]) for line in data["lines"]] == [(2, "e", "three")]
    events.close()

    history.write_log(root, "four")
    with history.layout.log(root, 1).open("ab") as file:
        file.write(b"1790000000000000\to\tcut o")
    history.succeed(root)
    resumed = site.events(f"{RUN}/rlog/actions/a0/logs?after={position}")
    assert [line[3] for line in resumed.until("lines")[1]["lines"]] == ["four"]
    assert resumed.until("end")[1]["cut"][3] == "cut o"

    text = site.get(f"{RUN}/rlog/actions/a0/logs.txt")
    assert text.body.decode().splitlines() == ["one", "two", "three", "four", "cut o"]
    assert text.headers["content-disposition"].startswith("attachment")
    assert " e three" in site.get(f"{RUN}/rlog/actions/a0/logs.txt?times=1").body.decode()


def test_a_long_log_begins_near_its_end_and_says_so(site, monkeypatch):
    monkeypatch.setattr(logfile, "MAX_TAIL", 2_000)
    monkeypatch.setattr(logfile.start, "__defaults__", (2_000,))
    root = site.history.run("rlong", "env.noisy")
    site.history.claim(root)
    site.history.write_log(root, *[f"line {i}" for i in range(500)])
    site.history.start(root)
    site.history.succeed(root)
    events = site.events(f"{RUN}/rlong/actions/a0/logs")
    begin = events.until("begin")[1]
    lines = events.until("lines")[1]["lines"]
    assert begin["first_line"] == lines[0][0] > 400
    assert lines[0][3] == f"line {lines[0][0]}"
    assert lines[-1][3] == "line 499"


def test_what_a_long_log_leaves_out_is_read_and_searched(site):
    root = site.history.run("rolder", "env.main")
    site.history.write_log(root, *[f"Line {i} {'needle' if i % 1000 == 7 else ''}" for i in range(5_000)])
    log = f"{RUN}/rolder/actions/a0/logs"
    lines = site.get(f"{log}/part?line=4321").json["lines"]
    assert (len(lines), lines[0][0], lines[0][3]) == (679, 4321, "Line 4321 ")
    assert site.get(f"{log}/part?line=9999").json["lines"] == []
    found = site.get(f"{log}/search?q=NEEDLE&before=3000").json
    assert [line[0] for line in found["lines"]] == [7, 1007, 2007]
    assert (found["found"], found["complete"]) == (3, True)
    assert site.get(f"{log}/search?q=NEEDLE&before=3000&exact=1").json["found"] == 0


def test_the_logs_of_a_run_are_downloaded_as_they_are_filtered(site):
    root = site.history.run("rmerged", "env.main")
    site.history.write_log(root, "INFO begun", '{"level": "error", "msg": "no rows"}')
    answer = site.get(f"{RUN}/rmerged/logs.txt?level=warning")
    assert answer.headers["content-disposition"] == 'attachment; filename="rmerged.log"'
    assert answer.body.decode().split(" ", 1)[1] == 'a0/1 o {"level": "error", "msg": "no rows"}\n'


def test_the_stream_tells_changes_and_the_end_and_is_resumed(site):
    history = site.history
    root = history.run("rlive", "env.main", {"x": 1})
    topic = f"run:{PROJECT}/{DOMAIN}/rlive"
    events = site.events(f"/v2/api/stream?topics={quote(topic)}")
    assert events.next()[0] == "hello"
    _, data, position = events.until("delta")
    header, columns = unpack(base64.b64decode(data["delta"]))
    assert columns["id"] == ["a0"]
    assert position == f"{topic}@{header['seq']}"
    history.claim(root)
    history.start(root)
    _, data, position = events.until("delta")
    assert unpack(base64.b64decode(data["delta"]))[1]["phase"][0] in (3, 4)
    events.close()

    (child,) = history.call(root, ("env.child", {}))
    resumed = site.events("/v2/api/stream", Last_Event_ID=position)
    _, data, _ = resumed.until("delta")
    assert child.name in unpack(base64.b64decode(data["delta"]))[1]["id"]
    history.succeed(root, o0=1)
    before, _, _ = resumed.until("end")
    assert before.count("delta") >= 1


def test_the_stream_of_a_project_tells_new_runs_and_counts_of_those_under_way(site):
    history = site.history
    root = history.run("rold", "env.main")
    history.claim(root)
    history.start(root)
    watch = site.get(RUNS).json["watch"]
    events = site.events(f"/v2/api/stream?topics=runs:{PROJECT}/{DOMAIN}@{watch}")
    assert events.next()[0] == "hello"
    history.call(root, ("env.child", {}))
    told = []
    while ("rold", 2) not in told:
        _, data, _ = events.until("runs")
        told += [(run["name"], run["actions"]) for run in data["runs"]]
    history.run("rnew", "env.main")
    _, data, _ = events.until("runs")
    assert [run["name"] for run in data["runs"]] == ["rnew"]


def test_streams_end_when_the_server_stops(site):
    root = site.history.run("rstay", "env.main")
    site.history.claim(root)
    live = site.events(f"/v2/api/stream?topics=run:{PROJECT}/{DOMAIN}/rstay")
    live.until("delta")
    log = site.events(f"{RUN}/rstay/actions/a0/logs")
    log.until("begin")
    idle = site.events("/v2/api/stream")
    idle.until("hello")
    site.context.stopping = True
    for stream in (live, log, idle):
        with pytest.raises(EOFError):
            stream.until("never")


def test_a_stream_without_topics_says_that_the_server_is_there(site):
    assert site.events("/v2/api/stream").next()[0] == "hello"


def test_streams_of_nothing_say_so(site):
    gone = site.events(f"/v2/api/stream?topics=run:{PROJECT}/{DOMAIN}/rnone")
    assert gone.until("gone")
    for topics in ("walks:a/b", "run:a/b", "run:a/b/c@x", ",".join(["runs:a/b"] * 17)):
        assert site.get(f"/v2/api/stream?topics={quote(topics)}").status == 400, topics


def test_abort_takes_a_reason_as_json(site):
    root = site.history.forecast("rstop", shards=10)
    path = f"{RUN}/rstop/abort"
    assert site.call("POST", path, "reason=x").status == 400
    assert site.call("POST", path, "[1]", Content_Type="application/json").status == 400
    done = site.call("POST", path, '{"reason": "wrong inputs"}', Content_Type="application/json")
    assert done.status == 200
    run = site.get(f"{RUN}/rstop").json["run"]
    assert (run["phase"], run["abort_reason"]) == ("aborted", "wrong inputs")
    missing = site.call("POST", f"{RUN}/rstop/actions/anone/abort", "{}", Content_Type="application/json")
    assert missing.status == 404
    assert site.get(path).status in (404, 405)
    assert root.name == "a0"
