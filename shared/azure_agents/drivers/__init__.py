"""Run flows: HTTP, clocks and deadlines, in the calling thread or on an event loop."""
