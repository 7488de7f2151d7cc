"""`completion()`: the door that speaks OpenAI's chat completion format."""
