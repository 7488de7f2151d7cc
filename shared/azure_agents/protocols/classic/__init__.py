"""Classic agents (`asst_…`): threads, messages and runs. The flow of a turn is in `flow`."""
