"""The folder of scripts is no package: put it on the path, as running a script in it does."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "networks"))
