"""Questions, forms, reports, code, files and merged logs over real HTTP."""

import json

from console_history import DOMAIN, PROJECT, literal
from flyteidl2.core import types_pb2
from flyteidl2.task import common_pb2, task_definition_pb2
from flyteidl2.workflow import run_definition_pb2

from flyte_core.blobs import archive
from flyte_core.engine import action as engine
from flyte_core.engine.api import NewAction
from flyte_core.model import ActionKind, ActionName, Digest, TaskSpec
from flyte_core.wire import specs

RUN = f"/v2/api/runs/{PROJECT}/{DOMAIN}"
JSON = {"Content_Type": "application/json"}


def _ask(site, run="rasks", kind=types_pb2.BOOLEAN):
    root = site.history.run(run, "env.asks")
    site.history.claim(root)
    site.history.start(root)
    asked = run_definition_pb2.ConditionAction(name="approve", prompt="Publish?", description="Now")
    asked.type.simple = kind
    spec = specs.task_spec(asked.SerializeToString(), ActionKind.CONDITION)
    child = NewAction(ActionName("c1"), ActionKind.CONDITION, spec)
    token = site.history._tokens[root]
    site.context.store.transact(
        lambda tx: engine.enqueue(tx, root.run, root.name, token, [child], site.history.now)
    )
    return f"{RUN}/{run}/actions/c1"


def test_a_condition_is_asked_and_answered(site):
    path = _ask(site)
    action = site.get(path).json["action"]
    assert action["phase"] == "paused"
    assert action["question"] == {
        "name": "approve",
        "prompt": "Publish?",
        "markdown": False,
        "description": "Now",
        "type": "bool",
    }
    refused = site.call("POST", f"{path}/answer", '{"value": "perhaps"}', **JSON)
    assert refused.status == 400
    assert "true or false" in refused.json["error"]["message"]
    assert site.call("POST", f"{path}/answer", '{"value": true}', **JSON).status == 200
    assert site.get(path).json["action"]["phase"] == "succeeded"
    assert site.get(f"{path}/io").json["outputs"]["values"][0]["value"] is True
    again = site.call("POST", f"{path}/answer", '{"value": false}', **JSON)
    assert again.status == 409
    assert site.call("POST", f"{path}/answer", '{"value": true}').status == 400


def test_a_task_cannot_be_answered(site):
    root = site.history.pipeline()
    answer = site.call("POST", f"{RUN}/{root.run.name}/actions/a0/answer", '{"value": 1}', **JSON)
    assert (answer.status, answer.json["error"]["code"]) == (409, "failed_precondition")


def test_a_form_has_a_field_an_input_with_its_value(site):
    site.history.run("rform", "env.task", {"x": 5, "name": "a", "on": True, "big": 2**60})
    fields = site.get(f"{RUN}/rform/actions/a0/form").json["fields"]
    assert {field["name"]: (field["widget"]["kind"], field["value"]) for field in fields} == {
        "x": ("int", 5),
        "name": ("str", "a"),
        "on": ("bool", True),
        "big": ("int", str(2**60)),
    }


def test_a_report_has_an_origin_of_its_own(site):
    root = site.history.pipeline()
    path = f"/v2/_usercontent/{PROJECT}/{DOMAIN}/{root.run.name}/a0/1/report.html"
    assert site.get(path).status == 404
    file = site.context.layout.attempt(root, 1) / "report.html"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("<script>parent.document.title</script>")
    answer = site.get(path)
    policy = answer.headers["content-security-policy"].split("; ")
    assert policy[0] == "sandbox allow-scripts allow-popups allow-downloads"
    assert "connect-src 'none'" in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'self'" in policy
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"
    assert site.get(f"{RUN}/{root.run.name}/actions/a0").json["action"]["tries"][0]["report"] is True


def test_logs_of_all_actions_are_merged_by_time_and_filtered(site):
    root = site.history.run("rlogs", "env.main")
    site.history.claim(root)
    site.history.start(root)
    children = site.history.call(root, ("env.a", {}), ("env.b", {}))
    site.history.claim(*children)
    site.history.start(*children)
    for turn in range(3):
        for child in children:
            site.history.wait(0.01)
            site.history.write_log(child, f"{'WARNING' if turn == 1 else 'INFO'} turn {turn}")
    found = site.get(f"{RUN}/rlogs/logs").json
    assert [line[5] for line in found["lines"]] == [
        f"{level} turn {turn}" for turn, level in enumerate(["INFO", "WARNING", "INFO"]) for _ in children
    ]
    assert [line[1] for line in found["lines"][:2]] == [child.name for child in children]
    assert found["complete"] is True
    assert len(site.get(f"{RUN}/rlogs/logs?q=TURN+2").json["lines"]) == 2
    assert len(site.get(f"{RUN}/rlogs/logs?level=warning").json["lines"]) == 2
    assert len(site.get(f"{RUN}/rlogs/logs?action={children[0].name}").json["lines"]) == 3
    few = site.get(f"{RUN}/rlogs/logs?limit=2").json
    assert ([line[5] for line in few["lines"]], few["complete"]) == (["INFO turn 2"] * 2, False)


def test_code_is_read_out_of_the_bundle(site):
    bundle = site.context.layout.blobs / "code.tar.gz"
    bundle.parent.mkdir(parents=True)
    bundle.write_bytes(archive.pack({"pkg/flow.py": b"def main():\n    pass\n", "data.bin": b"\0\1"}))
    _with_task(site, "rcode", args=["a0", "--tgz", str(bundle), "mod", "pkg.flow", "instance", "main"])
    listed = site.get(f"{RUN}/rcode/actions/a0/code").json
    assert listed["entry"] == {"file": "pkg/flow.py", "name": "main"}
    assert [file["path"] for file in listed["files"]] == ["data.bin", "pkg/flow.py"]
    path = f"{RUN}/rcode/actions/a0/code/file?path="
    assert site.get(f"{path}pkg/flow.py").json["text"].startswith("def main")
    assert site.get(f"{path}data.bin").json["text"] is None
    assert site.get(f"{path}../history.db").status == 404


def test_code_outside_of_the_data_directory_is_not_read(site, tmp_path):
    outside = tmp_path / "outside.tar.gz"
    outside.write_bytes(archive.pack({"secret.py": b"x"}))
    _with_task(site, "rout", args=["a0", "--tgz", str(outside)])
    assert site.get(f"{RUN}/rout/actions/a0/code").status == 404


def _with_task(site, name, args=(), inputs=()):
    template = task_definition_pb2.TaskSpec()
    template.task_template.container.args.extend(args)
    template.task_template.container.image = "auto"
    for key, value in inputs:
        entry = template.task_template.interface.inputs.variables.add(key=key)
        entry.value.type.blob.SetInParent()
        assert value is not None
    data = template.SerializeToString(deterministic=True)
    spec = TaskSpec(Digest(name), data, "env.main", "main", "env")
    named = [common_pb2.NamedLiteral(name=key, value=value) for key, value in inputs]
    payload = common_pb2.Inputs(literals=named).SerializeToString(deterministic=True)
    return site.history.run_of(name, spec, payload)


def test_files_are_previewed_and_sent_in_ranges_from_the_data_directory_only(site, tmp_path):
    home = site.context.layout.home
    (home / "raw").mkdir(parents=True)
    (home / "raw/page.html").write_text("<script>alert(1)</script>" * 10)
    (tmp_path / "secret.txt").write_text("secret")
    (home / "raw/link.txt").symlink_to(tmp_path / "secret.txt")

    def blob(uri):
        value = literal(None)
        value.scalar.blob.uri = str(uri)
        return value

    inputs = [
        ("page", blob(home / "raw/page.html")),
        ("secret", blob(tmp_path / "secret.txt")),
        ("link", blob(home / "raw/link.txt")),
    ]
    _with_task(site, "rfiles", inputs=inputs)
    base = f"{RUN}/rfiles/actions/a0/io"
    shown = {value["name"]: value["medium"] for value in site.get(base).json["inputs"]["values"]}
    assert (shown["page"]["here"], shown["page"]["size_bytes"]) == (True, 250)
    assert (shown["secret"]["here"], shown["link"]["here"]) == (False, False)
    whole = site.get(f"{base}/inputs/file?name=page")
    assert whole.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in whole.headers["content-security-policy"]
    part = site.get(f"{base}/inputs/file?name=page", Range="bytes=0-6")
    assert (part.status, part.body) == (206, b"<script")
    for name in ("secret", "link", "none"):
        assert site.get(f"{base}/inputs/file?name={name}").status == 404


def test_runs_are_filtered_by_owner_mode_label_and_time(site):
    site.history.run("rold", "env.a", labels={"team": "x"})
    site.history.wait(60)
    after = site.history.now // 1000
    site.history.run("rnew", "env.b", labels={"team": "y", "gpu": ""})
    runs = f"/v2/api/runs?project={PROJECT}&domain={DOMAIN}"

    def names(query):
        return [run["name"] for run in site.get(f"{runs}&{query}").json["runs"]]

    assert names("label=team=x") == ["rold"]
    assert names("label=gpu") == ["rnew"]
    assert names(f"after={after}") == ["rnew"]
    assert names("owner=nobody") == []
    assert names("task=env.a") == ["rold"]
    assert names("mode=local") == []
    _ask(site)
    assert names("paused=1") == ["rasks"]
    found = site.get(f"/v2/api/tasks?project={PROJECT}&domain={DOMAIN}").json
    assert {task["name"] for task in found["tasks"]} == {"env.a", "env.b", "env.asks"}
    assert found["owners"] == ["mia"]


def test_two_runs_are_compared(site):
    site.history.pipeline("ra")
    site.history.pipeline("rb")
    found = site.get(f"{RUN}/ra/compare/rb").json
    assert (found["inputs"], found["outputs"], found["first_difference"]) == ([], [], None)
    assert site.get(f"{RUN}/ra/compare/rnone").status == 404


def test_bodies_that_are_no_objects_are_refused(site):
    path = _ask(site)
    for body in ("[]", "nonsense", json.dumps("x"), "[" * 100_000):
        assert site.call("POST", f"{path}/answer", body, **JSON).status == 400
