"""Rules that both framework adapters share, and no other door needs."""
