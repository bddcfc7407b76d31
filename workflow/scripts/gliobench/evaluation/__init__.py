"""Metrics, intervals, tests."""
