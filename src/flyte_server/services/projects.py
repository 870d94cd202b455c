"""Projects: a list in a small file, and those that runs name. Runs may name any project."""

import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from pathlib import Path

from flyte_core import files
from flyte_core.frozen import frozen
from flyte_core.layout import DEFAULT_PROJECT
from flyte_core.model import AlreadyExists, NotFound

DOMAINS = ("development", "staging", "production")


@frozen
class Project:
    id: str
    name: str
    description: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    archived: bool = False
    domains: tuple[str, ...] = DOMAINS
    """The usual ones, and those of its runs."""


class Projects:
    """The projects of a data directory. There is always the default one.

    `scopes` tells project and domain of the runs there are: their projects need not have been created.
    """

    def __init__(self, path: Path, scopes: Callable[[], Iterable[tuple[str, str]]] = tuple) -> None:
        self._path = path
        self._scopes = scopes
        self._lock = threading.Lock()

    def all(self) -> list[Project]:
        """Every project, by id."""
        return [found for _, found in sorted(self._known().items())]

    def get(self, project: str) -> Project:
        """Raises `NotFound`."""
        found = self._known().get(project)
        if found is None:
            raise NotFound(
                f"There is no project {project}.",
                hint=f"`flyte get project` lists them; `flyte create project --id {project}` makes one.",
            )
        return found

    def create(self, project: Project) -> None:
        """Raises `AlreadyExists`."""
        with self._lock:
            known = self._read()
            if project.id in known:
                raise AlreadyExists(f"There is a project {project.id} already.", hint="Choose another id.")
            self._write({**known, project.id: project})

    def update(self, project: Project) -> None:
        """Replace what is known of a project. Raises `NotFound`."""
        with self._lock:
            self.get(project.id)
            self._write({**self._read(), project.id: replace(project)})

    def _known(self) -> dict[str, Project]:
        known = self._read()
        used: dict[str, list[str]] = {}
        for project, domain in self._scopes():
            used.setdefault(project, []).append(domain)
        for project, domains in used.items():
            found = known.get(project) or Project(project, project)
            known[project] = replace(found, domains=tuple(dict.fromkeys((*DOMAINS, *domains))))
        return known

    def _read(self) -> dict[str, Project]:
        known = {DEFAULT_PROJECT: Project(DEFAULT_PROJECT, DEFAULT_PROJECT)}
        try:
            listed = json.loads(self._path.read_bytes())
        except FileNotFoundError:
            return known
        for entry in listed:
            labels = tuple((key, value) for key, value in entry.pop("labels"))
            known[entry["id"]] = Project(**entry, labels=labels)
        return known

    def _write(self, known: dict[str, Project]) -> None:
        listed = [asdict(each) for each in known.values()]
        for entry in listed:
            del entry["domains"]
        files.write(self._path, json.dumps(listed, indent=1).encode())
