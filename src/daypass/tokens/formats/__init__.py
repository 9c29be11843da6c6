"""The formats of tokens, one module each; see ``daypass.tokens.format`` for what a format is."""
