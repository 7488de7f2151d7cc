"""v2 agents (`my-agent:1`): the Responses API. The flow of a turn is in `flow`.

flow             which memory of the server the turn uses, and what is kept for the next one
object_turn      a turn that is to answer with an object
definition       what the agent declares: functions, sampling, schema; parameters: compare them
requests         ask for a response, and the theory of its requests
recovery         find a lost response and read the rest of it
cleanup          cancel background responses that nobody waits for
background       resume a background response by its id
lookups          all reading requests
options, codec   the call and its messages in the words of the wire; wire: its fields
reader           a response, streamed or stored, as events; items: its server-side tools
"""
