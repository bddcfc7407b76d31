"""Figures for print and, interactive, for the report, made of tables and small arrays."""
