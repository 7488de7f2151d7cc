"""The service for classic agents: threads, messages, runs and their streams."""
