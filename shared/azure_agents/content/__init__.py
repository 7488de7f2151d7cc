"""What messages and answers hold, read and written once for all three doors. Pure."""
