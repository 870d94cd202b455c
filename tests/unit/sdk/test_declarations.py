"""What may be declared about tasks: triggers, links, images, devices, documentation. All of it is checked at once."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sdk_history import History

import flyte
from flyte import models
from flyte._authoring import environment
from flyte._controller.spec import Place, task_message
from flyte.errors import DeclarationError, InitializationError

PLACE = Place("flytesnacks", "development")


# -- Triggers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "expression",
    ["* * * * *", "0 0 1 * *", "*/15 6-18 * * mon-fri", "0,30 12 ? jan,jul 0-7", "5-55/10 * * * *", "@daily"],
)
def test_cron_expressions(expression: str) -> None:
    cron = flyte.Cron(expression, timezone="Europe/Berlin")
    assert cron.timezone_expression == f"CRON_TZ=Europe/Berlin {expression}"


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("* * * *", "4 fields"),
        ("0 0 * * * *", "6 fields"),
        ("60 * * * *", "minute"),
        ("* 24 * * *", "hour"),
        ("* * 0 * *", "day of the month"),
        ("* * * 13 *", "month"),
        ("* * * * funday", "day of the week"),
        ("*/0 * * * *", "minute"),
        ("30-10 * * * *", "minute"),
        ("@often", "1 fields"),
    ],
)
def test_what_is_no_cron_expression_is_named(expression: str, told: str) -> None:
    with pytest.raises(DeclarationError, match=told):
        flyte.Cron(expression)


def test_no_time_zone_is_utc() -> None:
    assert flyte.Cron("0 6 * * *", timezone=None).timezone_expression == "CRON_TZ=UTC 0 6 * * *"


def test_other_parts_of_triggers_are_checked() -> None:
    with pytest.raises(DeclarationError, match="time zone"):
        flyte.Cron("* * * * *", timezone="Mars/Olympus")
    for minutes in (0, -1, 1.5, True, "5"):
        with pytest.raises(DeclarationError, match="minutes"):
            flyte.FixedRate(minutes)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no name"):
        flyte.Trigger("", flyte.FixedRate(5))
    with pytest.raises(DeclarationError, match="automated by"):
        flyte.Trigger("x", "* * * * *")  # type: ignore[arg-type]
    with pytest.raises(DeclarationError, match="max_action_concurrency"):
        flyte.Trigger("x", flyte.FixedRate(5), max_action_concurrency=-1)
    assert len(flyte.Trigger("x", flyte.FixedRate(5), description="d" * 300).description) == 255


def test_short_forms_of_triggers() -> None:
    daily = flyte.Trigger.daily("when", inputs={"x": 1}, labels={"team": "a"})
    assert daily.automation == flyte.Cron("0 0 * * *")
    assert daily.inputs == {"x": 1, "when": flyte.TriggerTime}
    assert (daily.name, daily.labels, daily.auto_activate) == ("daily", {"team": "a"}, True)
    found = [
        each().automation
        for each in (
            flyte.Trigger.minutely,
            flyte.Trigger.hourly,
            flyte.Trigger.weekly,
            flyte.Trigger.monthly,
        )
    ]
    assert found == [flyte.Cron(text) for text in ("* * * * *", "0 * * * *", "0 0 * * 0", "0 0 1 * *")]


def test_triggers_belong_to_their_task() -> None:
    env = flyte.TaskEnvironment(name="triggered")
    nightly = flyte.Trigger("nightly", flyte.Cron("0 2 * * *"), inputs={"when": flyte.TriggerTime})
    often = flyte.Trigger("often", flyte.FixedRate(5, start_time=datetime(2026, 1, 1, tzinfo=UTC)))

    @env.task(triggers=(nightly, often))
    def task(when: datetime, x: int = 1) -> int:
        return x

    assert task.triggers == (nightly, often)
    with pytest.raises(DeclarationError, match="no such input"):
        env.task(triggers=flyte.Trigger("bad", flyte.FixedRate(5), inputs={"y": 1}))(lambda_like)
    with pytest.raises(DeclarationError, match="two triggers"):
        env.task(triggers=(often, often))(lambda_like)
    with pytest.raises(DeclarationError, match="no Trigger"):
        env.task(triggers=("often",))(lambda_like)  # type: ignore[arg-type]


def lambda_like(x: int) -> int:
    return x


# -- Links -----------------------------------------------------------------------------------------


class Tracker:
    name = "Tracker"
    icon_uri = None

    def get_link(self, run_name: str, action_name: str, **place: Any) -> str:
        return f"https://tracker.example/{place['project']}/{run_name}/{action_name}"


class Broken(Tracker):
    name = "Broken"

    def get_link(self, **place: Any) -> str:  # type: ignore[override]
        raise KeyError("address")


def test_links_belong_to_their_action(history: History) -> None:
    env = flyte.TaskEnvironment(name="linked")

    @env.task(links=(Tracker(), Broken()))
    def task() -> None:
        print("body")

    run = flyte.run(task)
    (action,) = flyte.remote.Action.listall(run.name)
    assert action.get_links() == (("Tracker", f"https://tracker.example/flytesnacks/{run.name}/a0"),)
    assert action.get_links(attempt=2) == ()
    with pytest.raises(DeclarationError, match="no link"):
        env.task(links=("https://example.com",))(lambda_like)  # type: ignore[arg-type]


# -- Environments ----------------------------------------------------------------------------------


def test_a_clone_differs_where_it_is_told_to() -> None:
    env = flyte.TaskEnvironment(
        name="first",
        env_vars={"A": "1"},
        resources=flyte.Resources(cpu=2),
        cache="auto",
        service_account="robot",
    )
    clone = env.clone_with(
        "second", resources=None, env_vars={"B": "2"}, reusable=flyte.ReusePolicy(replicas=3)
    )
    assert isinstance(clone, flyte.Environment) and isinstance(clone, flyte.TaskEnvironment)
    assert (clone.name, clone.env_vars, clone.cache) == ("second", {"B": "2"}, "auto")
    assert clone.resources == env.resources and clone.service_account == "robot"
    assert env.env_vars == {"A": "1"} and clone.tasks == {}
    with pytest.raises(TypeError, match="nope"):
        env.clone_with("third", nope=1)


def test_overriding_with_none_changes_nothing() -> None:
    env = flyte.TaskEnvironment(name="over", reusable=flyte.ReusePolicy())
    task = env.task(retries=3, short_name="nice", timeout=5)(lambda_like)
    same = task.override(retries=None, short_name=None, reusable=None)
    assert (same.retries.count, same.short_name, same.reusable) == (3, "nice", flyte.ReusePolicy())
    other = task.override(retries=0, reusable="off", interruptible=True, links=(Tracker(),))
    assert (other.retries.count, other.reusable, other.interruptible) == (0, None, True)
    assert [each.name for each in other.links] == ["Tracker"]


def test_what_only_kubernetes_knows_is_kept() -> None:
    env = flyte.TaskEnvironment(name="cluster", service_account="robot", pod_template="big")
    task = env.task(lambda_like)
    template = task_message(task, PLACE).task_template
    assert template.security_context.run_as.k8s_service_account == "robot"
    assert template.metadata.pod_template_name == "big"
    pod = flyte.PodTemplate(labels={"a": "b"})
    assert task.override(pod_template=pod, service_account="other").pod_template is pod
    assert flyte.PodTemplate.from_spec({"containers": []}).primary_container_name == "primary"
    with pytest.raises(DeclarationError, match="primary"):
        flyte.PodTemplate(primary_container_name="")


def test_documentation_comes_before_the_docstring() -> None:
    env = flyte.TaskEnvironment(name="docs")

    def task() -> None:
        """From the docstring.

        More of it.
        """

    plain = task_message(env.task(task), PLACE).documentation
    assert (plain.short_description, plain.long_description) == (
        "From the docstring.",
        "From the docstring.\n\nMore of it.",
    )
    given = env.task(docs=flyte.Documentation("Said otherwise."))(task)
    assert task_message(given, PLACE).documentation.short_description == "Said otherwise."


def test_files_to_include_lie_beside_the_file_that_declares_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "_registry", [])
    env = flyte.TaskEnvironment(name="including", include=("*.json",))
    assert env.folder == Path(__file__).parent
    assert env.clone_with("included").folder == Path(__file__).parent


# -- Images and devices ----------------------------------------------------------------------------


def test_an_image_records_every_step(tmp_path: Path) -> None:
    lock = tmp_path / "uv.lock"
    image = (
        flyte.Image.from_debian_base(
            python_version=(3, 12), registry="ghcr.io/me", name="mine", platform=["linux/arm64"]
        )
        .with_apt_packages("git", secret_mounts="token")
        .with_pip_packages(
            "numpy", "pandas", pre=True, index_url="https://pypi.example", extra_index_urls="https://b"
        )
        .with_requirements("requirements.txt")
        .with_uv_project("pyproject.toml", uvlock=lock, project_install_mode="install_project")
        .with_poetry_project("pyproject.toml")
        .with_pixi_project("pixi.toml", environment="gpu")
        .with_source_file("a.py", "/root")
        .with_source_folder("src", copy_contents_only=True)
        .with_commands(["echo hi"])
        .with_env_vars({"A": "1"})
        .with_workdir("/app")
        .with_dockerignore(Path(".dockerignore"))
        .with_code_bundle("all")
        .with_local_v2()
    )
    kinds = [layer.kind for layer in image.layers]
    assert kinds == [
        "base",
        "apt",
        "pip",
        "requirements",
        "uv_project",
        "poetry_project",
        "pixi_project",
        "copy_file",
        "copy_folder",
        "commands",
        "env",
        "workdir",
        "dockerignore",
        "code_bundle",
        "local_sdk",
    ]
    pip = dict(image.layers[2].values)
    assert pip["packages"] == ("numpy", "pandas") and pip["pre"] and pip["extra_index_urls"] == ("https://b",)
    assert dict(image.layers[4].values)["lock"] == str(lock)
    assert image.uri == "ghcr.io/me/mine"
    assert image.clone(name="other", extendable=True).uri == "ghcr.io/me/other"
    with pytest.raises(DeclarationError, match=r"requirements\.txt"):
        image.validate()
    with pytest.raises(DeclarationError, match="list of commands"):
        image.with_commands("echo hi")
    flyte.Image.from_pixi_script("s.py", name="x")
    flyte.Image.from_uv_script("s.py", name="x", registry="r")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (1, flyte.Device(1)),
        ("A100:2", flyte.Device(2, "GPU", "A100")),
        ("T4 shared:1", flyte.Device(1, "GPU", "T4 shared")),
        ("Trn1:4", flyte.Device(4, "NEURON", "Trn1")),
        ("MI300X:1", flyte.Device(1, "AMD_GPU", "MI300X")),
        ("Gaudi1:1", flyte.HABANA_GAUDI("Gaudi1")),
        ("AppleSilicon", flyte.APPLE_SILICON()),
        (flyte.Neuron("Inf2"), flyte.Device(1, "NEURON", "Inf2")),
        (flyte.TPU("V5E", "1x1"), flyte.Device(1, "TPU", "V5E", "1x1")),
        (flyte.AMD_GPU("MI100"), flyte.Device(1, "AMD_GPU", "MI100")),
    ],
)
def test_accelerators_however_they_are_asked_for(asked: Any, expected: flyte.Device) -> None:
    resources = flyte.Resources(gpu=asked)
    assert resources.accelerator() == expected
    env = flyte.TaskEnvironment(name="gpus", resources=resources)
    template = task_message(env.task(lambda_like), PLACE).task_template
    assert template.extended_resources.gpu_accelerator.device == (expected.device or "")


# -- The session -----------------------------------------------------------------------------------


def test_where_new_runs_go(monkeypatch: pytest.MonkeyPatch) -> None:
    flyte.init(project="snacks", domain="staging")
    assert (flyte.current_project(), flyte.current_domain()) == ("snacks", "staging")
    assert not flyte.is_control_plane_available()
    assert flyte.version() == flyte.__version__
    with pytest.raises(InitializationError, match="No server"):
        flyte.init_in_cluster()
    monkeypatch.setenv("_U_EP_OVERRIDE", "localhost:1")
    monkeypatch.setenv("FLYTE_INTERNAL_EXECUTION_PROJECT", "own")
    assert flyte.init_in_cluster()["endpoint"] == "localhost:1"
    assert flyte.current_project() == "own" and flyte.is_control_plane_available()
    flyte.init_passthrough("localhost:2", project="p")
    assert flyte.current_project() == "p"
    with pytest.raises(InitializationError, match="API keys"):
        flyte.init_from_api_key("key")


def test_a_task_knows_its_project() -> None:
    env = flyte.TaskEnvironment(name="knows")

    @env.task
    def task() -> str:
        return f"{flyte.current_project()}/{flyte.current_domain()}"

    run = flyte.with_runcontext(project="snacks", domain="staging").run(task)
    assert run.outputs()[0] == "snacks/staging"
    assert run.phase is models.ActionPhase.SUCCEEDED


def test_scripts_that_import_from_behind_the_face_get_the_same_things() -> None:
    from flyte._cache import Cache, CachePolicy, FunctionBodyPolicy, VersionParameters
    from flyte.io._dir import Dir
    from flyte.io._file import File

    assert (Cache, CachePolicy) == (flyte.Cache, flyte.CachePolicy)
    assert (File, Dir) == (flyte.io.File, flyte.io.Dir)
    env = flyte.TaskEnvironment(name="behind")

    def double(x: int) -> int:
        return x * 2

    plain = env.task(cache="auto")(double)
    said = plain.override(cache=Cache("auto", policies=[FunctionBodyPolicy()]))
    salted = plain.override(cache=Cache("auto", policies=[FunctionBodyPolicy()], salt="s"))
    assert plain.version == said.version != salted.version
    assert FunctionBodyPolicy().get_version("s", VersionParameters(double)) == salted.version
