"""From batches to a run folder.

config       every setting of a run, its range, and its file
recipes      where settings come from that the user does not give
start        the generator that a run starts from
objectives   what each network is trained for
steps        the networks in training, and one step of each phase
replicas     the devices of a step, and what workers ask each other
workers      several machines: what they are checked for, and when one is lost
trainer      the loop
checkpoints  all that is needed to go on, written whole
stopping     Ctrl-C and SIGTERM between two steps
pace         how long it will take
record       what a run's folder shows and keeps beside its checkpoints
metrics      metrics.csv, the epochs' means, and TensorBoard
loss_curves  the picture of the losses
judging      the best generator so far, by figures
samples      grids of photos and results, and their animation
sample_page  the page that shows them
"""
