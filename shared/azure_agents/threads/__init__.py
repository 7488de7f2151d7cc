"""Where a history continues on the server: digests, anchors, the plan, and the thread stores."""
