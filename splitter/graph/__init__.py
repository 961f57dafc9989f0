"""Source to symbol graph: definitions, references, exports."""
