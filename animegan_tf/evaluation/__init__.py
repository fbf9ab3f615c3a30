"""How good generated pictures are, in figures."""
