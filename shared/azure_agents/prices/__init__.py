"""What a model's answers cost: a table of Azure's prices, and the sum for one answer. Pure."""
