"""Chat over the responses operation: a pure mapper, both ways.

For deployments that refuse chat, and for tools beside a reasoning effort (``azure/responses/…``).

| module | job |
|---|---|
| ``format`` | what a chat call needs of it, for `azure_agents.models.formats` |
| ``request`` | the arguments of a chat → the body of the responses operation |
| ``turns`` | chat messages → input items |
| ``parts`` | texts, images and files of a message → parts of an item |
| ``tools`` | tools, the choice among them, and the format of the answer |
| ``items`` | output items → a chat message; what it keeps of them → input items |
| ``answer`` | a response → a chat completion |
| ``stream`` | events → chunks |
"""
