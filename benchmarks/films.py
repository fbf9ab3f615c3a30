"""What taking frames from a film costs, against decoding it alone: seconds of CPU time, in turns.

python benchmarks/films.py film.mkv
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import av

from animegan_tf.data.films.frames import take_frames
from animegan_tf.data.films.sources import FrameSettings, find_films, open_films
from animegan_tf.opencv import cv2


def decode(path: str, settings: FrameSettings) -> None:
    with av.open(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        for _ in container.decode(stream):
            pass


def take(path: str, settings: FrameSettings) -> None:
    with tempfile.TemporaryDirectory() as folder:
        films = open_films(find_films([path]), settings)
        print(take_frames(films, Path(folder) / "frames", settings))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("film")
    parser.add_argument("--count", type=int, default=1500)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    settings = FrameSettings(count=arguments.count)
    cv2.setNumThreads(1)  # Else its threads wait actively, and that is counted.
    seconds: dict[str, list[float]] = {"decoding alone": [], "taking frames": []}
    for _ in range(arguments.rounds):
        for name, work in zip(seconds, (decode, take)):
            begin = time.process_time()
            work(arguments.film, settings)
            seconds[name].append(time.process_time() - begin)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    for name, median in medians.items():
        print(f"{name}: {median:.2f} s of CPU time")
    print(f"ratio: {medians['taking frames'] / medians['decoding alone']:.2f}")


if __name__ == "__main__":
    main()
