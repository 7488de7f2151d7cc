"""Spans and metrics for OpenTelemetry, by its conventions for generative AI."""
