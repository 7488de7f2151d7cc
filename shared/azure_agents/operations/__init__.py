"""`embedding()` and the other functions beside `completion()`: one for each operation."""
