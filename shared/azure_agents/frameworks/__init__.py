"""What both framework adapters need and the other doors do not."""
