"""An OpenAI-compatible server in front of agents and deployments, set up by a ``config.yaml``."""

from __future__ import annotations

__all__: list[str] = []
