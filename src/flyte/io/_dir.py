"""Where some scripts import `Dir` from; it is `flyte.io.Dir`."""

from flyte._io.dir import Dir as Dir
