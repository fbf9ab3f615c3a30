"""Films whose every frame is known: drawn scenes with camera motion, and all that is no scene."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np

from animegan_tf.data.scenery import draw_anime

RATE = 24


@dataclass
class Part:
    """A stretch of a film.

    Attributes:
        kind: "shot", "black", "white", "flat", "card", or a transition to the next part: "cross".
        length: in frames.
        scene: number of the drawn picture.
        motion: "still", "pan", "tilt", or "zoom"; something small moves in all of them.
        subtitles: frames of the part that show a line of text.
        blurred: frames of the part that are blurred by motion.
        fade_in, fade_out: frames from and to black.
    """

    kind: str
    length: int
    scene: int = 0
    motion: str = "still"
    subtitles: range = range(0)
    blurred: range = range(0)
    fade_in: int = 0
    fade_out: int = 0


class DrawnFilm:
    """Draws the frames of a film, and says of each what it is.

    Args:
        parts: from beginning to end.
        width, height: in pixels, bars included.
        bars: (top, bottom) rows that are black.
        seed: of the scenes and motions.
    """

    def __init__(self, parts, width=160, height=90, bars=(0, 0), seed=0):
        self.parts, self.width, self.height, self.bars, self.seed = parts, width, height, bars, seed
        self.inner = height - sum(bars)
        self._scenes = {}
        self.labels = []  # One a frame: "clean", "fade", "subtitles", "blurred", "black", ...
        self.scenes = []  # One a frame: the scene's number, or None.
        self.begins = []  # Frames at which a shot begins.

    def frames(self):
        """uint8 RGB, one after the other."""
        self.labels, self.scenes, self.begins = [], [], []
        before = None
        for place, part in enumerate(self.parts):
            if part.kind == "cross":
                after = self.parts[place + 1]
                first = self._picture(after, 0)
                for number in range(part.length):
                    share = (number + 1) / (part.length + 1)
                    self._note("fade", None)
                    yield self._barred(cv2.addWeighted(before, 1 - share, first, share, 0))
                continue
            faded = place and self.parts[place - 1].kind == "cross"
            if not faded:
                self.begins.append(len(self.labels))
            for number in range(part.length):
                picture = before = self._picture(part, number)
                label = part.kind if part.kind != "shot" else "clean"
                if number in part.subtitles:
                    picture, label = self._with_text(picture, 0.88), "subtitles"
                if number in part.blurred:
                    along = (number - part.blurred.start + 1) / (len(part.blurred) + 1)
                    length = round(self.width / 12 * np.sin(np.pi * along))
                    picture = _moved(picture, max(1, length))
                    label = "blurred" if length >= self.width / 40 else "clean"
                light = min(1.0, (number + 1) / (part.fade_in + 1))
                light = min(light, (part.length - number) / (part.fade_out + 1))
                if light < 1:
                    picture, label = (picture * light).astype(np.uint8), "fade"
                self._note(label, part.scene if part.kind == "shot" else None)
                yield self._barred(picture)

    def write(self, path, codec="libx264", options=None, sound=None):
        """Writes it as a video; returns its path."""
        import av

        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=RATE, options=options or {"crf": "16"})
            stream.width, stream.height, stream.pix_fmt = self.width, self.height, "yuv420p"
            for number, picture in enumerate(self.frames()):
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                frame.pts, frame.time_base = number, Fraction(1, RATE)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path

    def _note(self, label, scene):
        self.labels.append(label)
        self.scenes.append(scene)

    def _barred(self, picture):
        top, bottom = self.bars
        return np.pad(picture, ((top, bottom), (0, 0), (0, 0)))

    def _picture(self, part, number):
        size = (self.width, self.inner)
        if part.kind in ("black", "white", "flat"):
            color = {"black": (3, 2, 4), "white": (252, 253, 251), "flat": (90, 120, 180)}
            return np.full((self.inner, self.width, 3), color[part.kind], np.uint8)
        if part.kind == "card":
            card = np.full((self.inner, self.width, 3), 8, np.uint8)
            for line in range(3):
                y = (0.95 - 0.02 * number + 0.2 * line) % 1.1
                card = self._with_text(card, y)
            return card
        scene = self._scene(part.scene)
        height, width = scene.shape[:2]
        share = number / max(1, part.length - 1)
        zoom, x, y = 1.3, 0.5, 0.5
        if part.motion == "pan":
            x = share
        elif part.motion == "tilt":
            y = share
        elif part.motion == "zoom":
            zoom = 1.6 - 0.5 * share
        across, down = width / 1.6 * zoom / 1.3, height / 1.6 * zoom / 1.3
        left, top = x * (width - across), y * (height - down)
        matrix = np.float32(
            [
                [size[0] / across, 0, -left * size[0] / across],
                [0, size[1] / down, -top * size[1] / down],
            ]
        )
        picture = cv2.warpAffine(scene, matrix, size, flags=cv2.INTER_AREA)
        radius = self.inner // 14
        spot = (int((0.2 + 0.6 * share) * size[0]), int((0.6 + 0.1 * np.sin(number)) * size[1]))
        cv2.circle(picture, spot, radius, (230, 60, 50), -1)
        cv2.circle(picture, spot, radius, (20, 20, 20), max(1, radius // 5))
        return picture

    def _scene(self, number):
        if number not in self._scenes:
            rng = np.random.default_rng((self.seed, number))
            self._scenes[number] = draw_anime(
                rng, max(64, int(self.inner * 1.6)), max(64, int(self.width * 1.6))
            )
        return self._scenes[number]

    def _with_text(self, picture, y):
        """White letters with a black outline."""
        x, y, scale = int(0.2 * self.width), int(y * self.inner), self.inner / 260
        letters, thick = np.zeros(picture.shape[:2], np.uint8), max(1, self.inner // 200)
        font = cv2.FONT_HERSHEY_SIMPLEX
        cv2.putText(letters, "What was that noise?", (x, y), font, scale, 255, thick, cv2.LINE_AA)
        outline = cv2.dilate(letters, np.ones((2 * thick + 1, 2 * thick + 1), np.uint8))
        dark = picture * (1 - outline[..., None] / 255)
        return np.clip(dark + letters[..., None], 0, 255).astype(np.uint8)


def _moved(picture, length):
    kernel = np.full((1, length), 1 / length, np.float32)
    picture = np.roll(picture, length, axis=1)
    return cv2.filter2D(picture, -1, kernel, borderType=cv2.BORDER_REFLECT)


def some_film(shots=20, seed=0, **settings):
    """A film with some of everything; every fifth shot shows the scene of the third again."""
    rng = np.random.default_rng(seed)
    parts = [Part("black", 12), Part("card", 36)]
    for number in range(shots):
        scene = number + 1
        again = number % 5 == 4
        length = int(rng.integers(40, 64))
        part = Part("shot", length, scene - 2 if again else scene)
        part.motion = (
            "still"
            if again or number % 5 == 2
            else str(rng.choice(["pan", "tilt", "zoom", "still"]))
        )
        if number % 3 == 1:
            part.subtitles = range(length // 2) if number % 2 else range(length // 2, length)
        elif number % 3 == 0 and number % 7 != 2:
            part.blurred = range(length // 3, length // 2)
        if number % 7 == 3:
            part.fade_in = 12
        if number % 7 == 2:
            part.fade_out = 12
        parts.append(part)
        if number % 4 == 3:
            parts.append(Part("cross", int(rng.choice([12, 18, 24]))))
        elif number % 9 == 2:
            parts.append(Part(str(rng.choice(["white", "flat", "black"])), 10))
    if parts[-1].kind == "cross":
        parts.pop()
    return DrawnFilm(parts, seed=seed, **settings)
