"""The experiments of the paper (section 4), and some of our own: numbers, tables, figures."""
