"""The configuration of a gateway: LiteLLM's ``config.yaml``, read as it is, and our own keys."""
