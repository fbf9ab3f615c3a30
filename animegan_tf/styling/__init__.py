"""From a photo, a video, or a camera to its anime picture.

stylizer       arrays to arrays, in the memory there is
tiles          a large picture in parts that share their statistics
options        formats, codecs, and effects
pictures       picture files
videos         videos, frame after frame
video_files    reading and writing them
temporal       less flicker between frames
webcam         what a camera sees, live
"""
