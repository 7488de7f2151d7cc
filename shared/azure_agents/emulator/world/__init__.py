"""What the service keeps and counts: state, ids, clock, limits, turns, credentials."""
