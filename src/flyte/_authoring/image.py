"""Container images as recorded declarations: what a task's environment consists of, step by step."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flyte.errors import DeclarationError


@dataclass(frozen=True, slots=True)
class Layer:
    """One step: its kind, such as `pip` or `env`, and its arguments by name."""

    kind: str
    values: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Image:
    """What a task runs in. Immutable: every `with_...` returns a new one.

    On one machine images are recorded and shown, not built: tasks run in the Python environment
    that submitted them.
    """

    base: str = ""
    """A reference such as `registry/name:tag`; empty for the default image of a Python version."""
    name: str | None = None
    registry: str | None = None
    python_version: tuple[int, int] | None = None
    dockerfile: Path | None = None
    ref_name: str | None = None
    """Names an image of the configuration instead."""
    layers: tuple[Layer, ...] = ()

    @classmethod
    def from_debian_base(
        cls,
        python_version: tuple[int, int] | None = None,
        *,
        registry: str | None = None,
        name: str | None = None,
        flyte_version: str | None = None,
        install_flyte: bool = True,
        platform: Sequence[str] | None = None,
    ) -> "Image":
        """The default image, of a Python version."""
        image = cls(name=name, registry=registry, python_version=python_version)
        return image._with(
            "base", flyte_version=flyte_version, install_flyte=install_flyte, platform=tuple(platform or ())
        )

    @classmethod
    def from_base(cls, image_uri: str) -> "Image":
        """An image that exists."""
        if not image_uri:
            raise DeclarationError("Image.from_base('') names no image.", hint="Use registry/name:tag.")
        return cls(base=image_uri)

    @classmethod
    def from_dockerfile(
        cls,
        file: str | Path,
        registry: str | None = None,
        name: str | None = None,
        platform: Sequence[str] | None = None,
    ) -> "Image":
        """What a Dockerfile makes. No layer can be added to it."""
        return cls(dockerfile=Path(file), registry=registry, name=name)

    @classmethod
    def from_uv_script(
        cls,
        script: str | Path,
        *,
        name: str | None = None,
        registry: str | None = None,
        python_version: tuple[int, int] | None = None,
        **options: Any,
    ) -> "Image":
        """The default image with what the header of a script asks for (PEP 723)."""
        image = cls(name=name, registry=registry, python_version=python_version)
        return image._with("uv_script", script=str(script), **options)

    @classmethod
    def from_ref_name(cls, name: str = "default") -> "Image":
        """The image that the configuration calls by this name."""
        return cls(ref_name=name)

    def clone(
        self,
        registry: str | None = None,
        name: str | None = None,
        python_version: tuple[int, int] | None = None,
    ) -> "Image":
        """The same under another name."""
        return replace(
            self,
            registry=registry or self.registry,
            name=name or self.name,
            python_version=python_version or self.python_version,
        )

    def with_pip_packages(self, *packages: str, **options: Any) -> "Image":
        return self._with("pip", packages=packages, **options)

    def with_apt_packages(self, *packages: str, **options: Any) -> "Image":
        return self._with("apt", packages=packages, **options)

    def with_requirements(self, file: str | Path, **options: Any) -> "Image":
        return self._with("requirements", file=str(file), **options)

    def with_uv_project(self, pyproject_file: str | Path, **options: Any) -> "Image":
        return self._with("uv_project", pyproject=str(pyproject_file), **options)

    def with_poetry_project(self, pyproject_file: str | Path, **options: Any) -> "Image":
        return self._with("poetry_project", pyproject=str(pyproject_file), **options)

    def with_source_file(self, src: str | Path, dst: str = ".", **options: Any) -> "Image":
        return self._with("copy_file", src=str(src), dst=dst, **options)

    def with_source_folder(self, src: str | Path, dst: str = ".", **options: Any) -> "Image":
        return self._with("copy_folder", src=str(src), dst=dst, **options)

    def with_commands(self, commands: Sequence[str], **options: Any) -> "Image":
        return self._with("commands", commands=tuple(commands), **options)

    def with_env_vars(self, env_vars: dict[str, str]) -> "Image":
        return self._with("env", **env_vars)

    def with_workdir(self, workdir: str) -> "Image":
        return self._with("workdir", path=workdir)

    def with_dockerignore(self, path: str | Path) -> "Image":
        return self._with("dockerignore", path=str(path))

    def with_code_bundle(self, copy_style: str = "loaded_modules", dst: str = ".") -> "Image":
        return self._with("code_bundle", copy_style=copy_style, dst=dst)

    @property
    def uri(self) -> str:
        """How the image is called where it is recorded."""
        if self.base:
            return self.base
        name = self.name or self.ref_name or "auto"
        return f"{self.registry}/{name}" if self.registry else name

    def _with(self, kind: str, **values: Any) -> "Image":
        if self.dockerfile is not None:
            raise DeclarationError(
                "An image made from a Dockerfile takes no further layers.", hint="Add them to the Dockerfile."
            )
        return replace(self, layers=(*self.layers, Layer(kind, tuple(values.items()))))
