"""Container images as recorded declarations: what a task's environment consists of, step by step."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from flyte.errors import DeclarationError
from flyte_core.frozen import frozen

if TYPE_CHECKING:
    from flyte._authoring.secret import Secret, SecretRequest

Install = Literal["dependencies_only", "install_project"]
Texts = str | list[str] | tuple[str, ...] | None

_FILES: Final = frozenset({"file", "script", "pyproject", "manifest", "lock", "src"})
"""Values of layers that name files."""


@frozen
class Layer:
    """One step: its kind, such as `pip` or `env`, and its arguments by name."""

    kind: str
    values: tuple[tuple[str, Any], ...] = ()


@frozen
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
        flyte_version: str | None = None,
        install_flyte: bool = True,
        registry: str | None = None,
        registry_secret: "str | Secret | None" = None,
        name: str | None = None,
        platform: Sequence[str] | None = None,
    ) -> "Image":
        """The default image, of a Python version."""
        image = cls(name=name, registry=registry, python_version=python_version)
        return image._with(
            "base",
            flyte_version=flyte_version,
            install_flyte=install_flyte,
            registry_secret=registry_secret,
            platform=_tuple(platform),
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
        platform: str | Sequence[str] | None = None,
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
        registry_secret: "str | Secret | None" = None,
        python_version: tuple[int, int] | None = None,
        index_url: str | None = None,
        extra_index_urls: Texts = None,
        pre: bool = False,
        extra_args: str | None = None,
        platform: Sequence[str] | None = None,
        secret_mounts: "SecretRequest | None" = None,
    ) -> "Image":
        """The default image with what the header of a script asks for (PEP 723)."""
        image = cls(name=name, registry=registry, python_version=python_version)
        return image._with(
            "uv_script",
            script=str(script),
            registry_secret=registry_secret,
            platform=_tuple(platform),
            **_pip(index_url, extra_index_urls, pre, extra_args, secret_mounts),
        )

    @classmethod
    def from_pixi_script(
        cls,
        script: str | Path,
        *,
        name: str | None = None,
        registry: str | None = None,
        registry_secret: "str | Secret | None" = None,
        environment: str = "default",
        extra_args: str | None = None,
        platform: Sequence[str] | None = None,
        secret_mounts: "SecretRequest | None" = None,
    ) -> "Image":
        """The default image with what a script's pixi header asks for."""
        return cls(name=name, registry=registry)._with(
            "pixi_script",
            script=str(script),
            registry_secret=registry_secret,
            environment=environment,
            extra_args=extra_args,
            platform=_tuple(platform),
            secret_mounts=secret_mounts,
        )

    @classmethod
    def from_ref_name(cls, name: str = "default") -> "Image":
        """The image that the configuration calls by this name."""
        return cls(ref_name=name)

    def clone(
        self,
        registry: str | None = None,
        registry_secret: "str | Secret | None" = None,
        name: str | None = None,
        base_image: str | None = None,
        python_version: tuple[int, int] | None = None,
        addl_layer: Layer | None = None,
        extendable: bool | None = None,
        platform: str | Sequence[str] | None = None,
    ) -> "Image":
        """The same, called otherwise. Every image here takes further layers, `extendable` or not."""
        image = replace(
            self,
            base=base_image or self.base,
            registry=registry or self.registry,
            name=name or self.name,
            python_version=python_version or self.python_version,
            layers=self.layers if addl_layer is None else (*self.layers, addl_layer),
        )
        if registry_secret is None and platform is None:
            return image
        return image._with("options", registry_secret=registry_secret, platform=_tuple(platform))

    def with_pip_packages(
        self,
        *packages: str,
        index_url: str | None = None,
        extra_index_urls: Texts = None,
        pre: bool = False,
        extra_args: str | None = None,
        secret_mounts: "SecretRequest | None" = None,
    ) -> "Image":
        """With Python packages."""
        options = _pip(index_url, extra_index_urls, pre, extra_args, secret_mounts)
        return self._with("pip", packages=packages, **options)

    def with_apt_packages(self, *packages: str, secret_mounts: "SecretRequest | None" = None) -> "Image":
        """With Debian packages."""
        return self._with("apt", packages=packages, secret_mounts=secret_mounts)

    def with_requirements(
        self,
        file: str | Path,
        index_url: str | None = None,
        extra_index_urls: Texts = None,
        pre: bool = False,
        extra_args: str | None = None,
        secret_mounts: "SecretRequest | None" = None,
    ) -> "Image":
        """With what a `requirements.txt` lists."""
        options = _pip(index_url, extra_index_urls, pre, extra_args, secret_mounts)
        return self._with("requirements", file=str(file), **options)

    def with_uv_project(
        self,
        pyproject_file: str | Path,
        uvlock: Path | None = None,
        index_url: str | None = None,
        extra_index_urls: Texts = None,
        pre: bool = False,
        extra_args: str | None = None,
        secret_mounts: "SecretRequest | None" = None,
        project_install_mode: Install = "dependencies_only",
    ) -> "Image":
        """With a project that uv manages, or its dependencies alone."""
        return self._with(
            "uv_project",
            **_project(pyproject=pyproject_file, lock=uvlock, install=project_install_mode),
            **_pip(index_url, extra_index_urls, pre, extra_args, secret_mounts),
        )

    def with_poetry_project(
        self,
        pyproject_file: str | Path,
        poetry_lock: Path | None = None,
        extra_args: str | None = None,
        secret_mounts: "SecretRequest | None" = None,
        project_install_mode: Install = "dependencies_only",
    ) -> "Image":
        """With a project that Poetry manages, or its dependencies alone."""
        return self._with(
            "poetry_project",
            **_project(pyproject=pyproject_file, lock=poetry_lock, install=project_install_mode),
            extra_args=extra_args,
            secret_mounts=secret_mounts,
        )

    def with_pixi_project(
        self,
        manifest_file: str | Path,
        pixi_lock: Path | None = None,
        environment: str = "default",
        extra_args: str | None = None,
        secret_mounts: "SecretRequest | None" = None,
        project_install_mode: Install = "dependencies_only",
    ) -> "Image":
        """With a project that pixi manages, or its dependencies alone."""
        return self._with(
            "pixi_project",
            **_project(manifest=manifest_file, lock=pixi_lock, install=project_install_mode),
            environment=environment,
            extra_args=extra_args,
            secret_mounts=secret_mounts,
        )

    def with_source_file(self, src: str | Path, dst: str = ".", copy_contents_only: bool = False) -> "Image":
        """With a file."""
        return self._with("copy_file", src=str(src), dst=dst, copy_contents_only=copy_contents_only)

    def with_source_folder(
        self, src: str | Path, dst: str = ".", copy_contents_only: bool = False
    ) -> "Image":
        """With a folder, or what is in it."""
        return self._with("copy_folder", src=str(src), dst=dst, copy_contents_only=copy_contents_only)

    def with_commands(self, commands: Sequence[str], secret_mounts: "SecretRequest | None" = None) -> "Image":
        """With what shell commands leave."""
        if isinstance(commands, str):
            raise DeclarationError(
                f"with_commands({commands!r}) takes a list of commands.", hint=f"Write [{commands!r}]."
            )
        return self._with("commands", commands=tuple(commands), secret_mounts=secret_mounts)

    def with_env_vars(self, env_vars: dict[str, str]) -> "Image":
        """With environment variables."""
        return self._with("env", **env_vars)

    def with_workdir(self, workdir: str) -> "Image":
        """With another directory to start in."""
        return self._with("workdir", path=workdir)

    def with_dockerignore(self, path: str | Path) -> "Image":
        """Without the files that a `.dockerignore` names."""
        return self._with("dockerignore", path=str(path))

    def with_code_bundle(
        self, copy_style: Literal["loaded_modules", "all"] = "loaded_modules", dst: str = "."
    ) -> "Image":
        """With the project's code."""
        return self._with("code_bundle", copy_style=copy_style, dst=dst)

    def with_local_v2(self) -> "Image":
        """With the SDK that is installed here."""
        return self._with("local_sdk")

    def validate(self) -> None:
        """Look for files that are named and are not there.

        Raises:
            DeclarationError: one is missing.
        """
        named = [str(self.dockerfile)] if self.dockerfile is not None else []
        for layer in self.layers:
            named += [str(value) for key, value in layer.values if key in _FILES and value]
        for each in named:
            if not Path(each).exists():
                raise DeclarationError(f"The image {self.uri} needs {each}, which is not there.")

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


def _project(*, lock: Path | None, install: Install, **file: str | Path) -> dict[str, Any]:
    """What all layers made of a project share: its file, its lock, and whether it is installed itself."""
    named = {name: str(path) for name, path in file.items()}
    return {**named, "lock": None if lock is None else str(lock), "install": install}


def _pip(
    index_url: str | None, extra: Texts, pre: bool, args: str | None, secrets: "SecretRequest | None"
) -> dict[str, Any]:
    """The options that all ways to install Python packages share."""
    return {
        "index_url": index_url,
        "extra_index_urls": _tuple(extra),
        "pre": pre,
        "extra_args": args,
        "secret_mounts": secrets,
    }


def _tuple(given: str | Sequence[str] | None) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given or ())
