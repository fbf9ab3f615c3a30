"""From folders of photos and anime pictures to training batches.

dataset    finds the files, checks them, and makes batches of them
edges      the anime picture with smoothed edges, as the paper's third data set has it
drawn      a data set that needs no download, drawn by `scenery`
scenery    draws one scene, as a photo or as a cel
"""
