"""What keys spend: budgets and rows of spend, in one process or in a Redis that all share."""
