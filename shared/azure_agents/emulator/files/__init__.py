"""The service for files and vector stores, and the search in them."""
