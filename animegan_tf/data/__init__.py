"""From folders of photos and anime pictures to training batches.

find          which files a run learns from
check         what is wrong with them, said before training begins
reading       decodes them within a memory budget
edges         the anime picture with smoothed edges, as the paper's third data set has it
edge_cache    those pictures, made once and kept on disk
batches       batches of photo, anime, gray, and edge_gray
progress      work on many files in threads, with a bar
drawn         a data set that needs no download, drawn by `scenery`
films         a style's pictures from films
scenery       draws one scene, as a photo or as a cel
"""
