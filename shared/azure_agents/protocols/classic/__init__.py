"""Classic agents (`asst_…`): threads, messages and runs. The flow of a turn is in `flow`.

flow             which thread the turn goes to, and what is kept for the next one
requests         start a run, and the theory of its requests; thread_requests: threads, messages
pauses, submit   claim a paused run, and hand results or decisions to it; fates: did it take them
recovery         find a lost run and read the rest of it; remainder: which part is the rest
cleanup          cancel runs that nobody waits for
lookups          all reading requests
options, codec   the call and its messages in the words of the wire; wire: its fields
reader           a run, streamed or stored, as events; step_tools: its server-side tools
"""
