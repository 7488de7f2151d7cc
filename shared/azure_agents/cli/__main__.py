"""`python -m azure_agents.cli`."""

import sys

from .main import main

sys.exit(main())
