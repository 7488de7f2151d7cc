"""Plain text: tokens, words and search, the text of files, YAML with line numbers."""
