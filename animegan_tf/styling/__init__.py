"""From a photo, a video, or a camera to its anime picture.

stylizer       arrays to arrays, in the memory there is
runtimes       what runs a network: Keras, a SavedModel, TFLite
tiles          a large picture in parts that share their statistics
options        formats, codecs, and what is done to a picture
colors         colors and light fitted to those of the photo
effects        colors, strength, and size; the one way from a photo to what is written
temporal       less flicker between frames

sources        files, folders, and patterns, told apart into pictures and videos
jobs           where results go, and what is in their way
video_jobs     what is done with one video, and whether its format can hold that
plan           from the inputs to a list of jobs, with everything that is wrong

pipeline       reading, the network, and writing side by side
pictures       picture files and animations
animations     animated GIFs, written frame by frame
videos         videos, frame after frame
preview        some frames of a video on a sheet, before hours are spent
video_files    reading and writing them: `video_av` with PyAV, `video_opencv` without
video_info     what both have in common
webcam         what a camera sees, live
"""
