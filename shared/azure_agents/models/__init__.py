"""Deployments that are not agents: Azure OpenAI, other models of Foundry, Claude, OpenAI."""
