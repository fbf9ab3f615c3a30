"""From films to a style's pictures: `animegan frames film.mkv --output dataset/MyStyle/style`.

A film is decoded once. About twelve frames a second get a glance, which tells shots and fades
apart; every other of them gets a closer look, and the best are written.

sources   which films there are, and which of their frames are wanted
luma      the brightness and color of a decoded frame, without copying them
bars      black bars, by a vote of the whole film
shots     where shots begin, and which frames lie in a fade
looks     what is seen of one frame: light, sharpness, strokes like those of letters
choose    the best frames of a shot, and copies of those that were taken
spread    as many as are wanted, spread over shots and films
frames    the whole way, from films to a folder
summary   what was taken and left out, and sheets to look at
"""
