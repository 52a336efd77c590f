"""Weights of other frameworks become layers of cdjax. No framework is imported here."""
