"""Claude in Foundry in OpenAI's chat format: a pure mapper, both ways.

| module | job |
|---|---|
| ``format`` | what a chat call needs of Claude, for `azure_agents.models.formats` |
| ``request`` | the arguments of a chat → the body of the messages operation |
| ``turns`` | chat messages → the system prompt and turns of blocks |
| ``parts`` | texts, images and files of a message → blocks |
| ``thinking`` | reasoning effort → adaptive thinking or a budget, by model |
| ``tools`` | tools and the choice among them |
| ``answer`` | an answer → a chat completion |
| ``blocks`` | the blocks of an answer → a chat message, and whether it holds all of them |
| ``stream`` | events → chunks |
"""
