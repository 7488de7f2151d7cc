"""The protocol both generations share: commands, delivery, retry, waiting. No I/O, no ``async``."""
