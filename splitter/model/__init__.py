"""The nouns of the tool: frozen values that every layer shares."""
