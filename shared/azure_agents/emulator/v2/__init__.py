"""The service for v2 agents: responses, conversations, agents, containers and streams."""
