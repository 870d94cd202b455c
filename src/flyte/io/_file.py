"""Where many scripts import `File` from; it is `flyte.io.File`."""

from flyte._io.file import File as File
