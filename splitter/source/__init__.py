"""Bytes to source files: tokens, items and names."""
