"""The service for deployments: chat, text completions, embeddings and Claude's messages."""
