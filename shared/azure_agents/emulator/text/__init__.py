"""Plain text work: tokens, search, reading of files."""
