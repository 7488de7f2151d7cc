"""Makes `record` and `cassette_file` importable: as in `make record`, they stand on the path."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
