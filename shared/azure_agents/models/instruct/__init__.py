"""Text completions (instruct) in OpenAI's chat format (``azure_text/…``). Pure.

| module | job |
|---|---|
| ``format`` | what a chat call needs of it, for `azure_agents.models.formats`, and the arguments |
| ``prompt`` | chat messages → one prompt |
| ``answer`` | completions, whole and in chunks → those of a chat |
"""
