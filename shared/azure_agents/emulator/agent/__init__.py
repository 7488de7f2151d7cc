"""The agent inside the emulator: scripted and built-in replies, and the turns that it saw."""
