"""How good generated pictures are, in figures.

kid    Kernel Inception Distance between two sets of features
"""
