"""Tasks that are no Python: containers and shell scripts.

    from flyte.extras import ContainerTask, shell

`ContainerTask` runs a command in an image, `shell.create` a script with the programs of this machine.
"""

from flyte._programs.container import ContainerTask
from flyte.extras import shell

__all__ = ["ContainerTask", "shell"]
