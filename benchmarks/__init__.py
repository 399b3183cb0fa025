"""Measurements, and the demonstration, as programs."""

import sys
from pathlib import Path

# Some run on the real servers that the tests start: `fixtures`.
sys.path.append(str(Path(__file__).parents[1] / "tests"))
