"""Where the documentation imports cache policies from: `from flyte._cache import FunctionBodyPolicy`."""

from flyte._authoring.policies import Cache as Cache
from flyte._authoring.policies import CachePolicy as CachePolicy
from flyte._authoring.policies import FunctionBodyPolicy as FunctionBodyPolicy
from flyte._authoring.policies import VersionParameters as VersionParameters
