"""From batches to a run folder.

config      every setting of a run, its range, and its file
training    the training loop, its steps, and its checkpoints
samples     grids of photos and results, and the page that shows them
"""
