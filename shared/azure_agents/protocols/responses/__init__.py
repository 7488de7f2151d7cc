"""v2 agents (`my-agent:1`): the Responses API. The flow of a turn is in `flow`."""
