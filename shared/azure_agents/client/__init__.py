"""`AgentClient` and `AsyncAgentClient`, which every door wraps, and how they are built."""
