"""The agent inside the emulator: what it saw, which tool it uses, what it replies."""
