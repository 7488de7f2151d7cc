"""Microsoft (Azure AI) Foundry agents: the core that the framework adapters share.

Importing this package loads no framework, no Azure SDK and opens nothing.
"""

from __future__ import annotations

from ._version import __version__

__all__ = ["__version__"]
