"""Results as text: tables for a terminal, JSON, Markdown, SARIF, and pictures of the graph."""
