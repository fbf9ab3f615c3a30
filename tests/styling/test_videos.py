"""Videos: frames, times, sound, colors, damage; with PyAV and without."""

import os
import resource
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from fractions import Fraction

import cv2
import numpy as np
import pytest
import tensorflow as tf
from project import ROOT

from animegan_tf import images, video
from animegan_tf.errors import UserError
from animegan_tf.networks.generator import build_generator
from animegan_tf.styling import plan, video_files
from animegan_tf.styling.options import Options
from animegan_tf.styling.preview import preview_video
from animegan_tf.styling.sources import find_sources
from animegan_tf.styling.stylizer import Stylizer
from animegan_tf.styling.temporal import TemporalFilter
from animegan_tf.styling.video_info import missing_frames
from animegan_tf.styling.video_jobs import VideoSettings
from animegan_tf.styling.videos import stylize_video

av = pytest.importorskip("av")

UNCHANGED = Options(strength=0)
COLORS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (250, 250, 250), (10, 10, 10), (200, 120, 40)]
RATE = 48_000


@pytest.fixture(scope="module")
def stylizer():
    tf.keras.utils.set_random_seed(5)
    return Stylizer(build_generator(4), memory_limit=1e12)


def plan_video(source, target=None, overwrite=False, **settings):
    return plan.plan_video(source, target, overwrite=overwrite, video=VideoSettings(**settings))


def plan_videos(sources, output=None, overwrite=False, **settings):
    video = VideoSettings(**settings)
    return plan.plan_jobs(sources, output=output, overwrite=overwrite, video=video).videos


def numbered(count, width=48, height=32):
    """Frames that tell their number by a white bar, on six colors."""
    frames = []
    for number in range(count):
        frame = np.zeros((height, width, 3), np.uint8)
        for index, color in enumerate(COLORS):
            frame[:, index * width // 6 : (index + 1) * width // 6] = color
        frame[: height // 4] = 0
        frame[: height // 4, : round(width * (number + 1) / count)] = 255
        frames.append(frame)
    return frames


def noise(count, width=48, height=32):
    """Frames that need many bytes, so that a part of the file is a like part of the video."""
    rng = np.random.default_rng(0)
    return list(rng.integers(0, 256, (count, height, width, 3), np.uint8))


def number_of(frame, count):
    bar = frame[2 : frame.shape[0] // 4 - 2].mean(axis=(0, 2)) > 128
    return round(bar.mean() * count) - 1


def write_video(
    path,
    frames,
    rate=Fraction(25),
    pts=None,
    codec="libx264",
    sound=True,
    range=1,
    matrix=1,
    transfer=2,
    pixel_format="yuv420p",
    options=None,
    aspect=None,
    crf="4",
):
    """A video with a sine of the same length. `pts` are in units of 1 / rate."""
    height, width, _ = frames[0].shape
    pts = list(np.arange(len(frames))) if pts is None else pts
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream(codec, rate=rate, options={"crf": crf, "g": "6"})
        stream.width, stream.height, stream.pix_fmt = width, height, pixel_format
        context = stream.codec_context
        context.time_base = 1 / Fraction(rate)
        context.color_range, context.colorspace, context.color_trc = range, matrix, transfer
        if aspect:
            context.sample_aspect_ratio = aspect
        tone = container.add_stream("aac", rate=RATE) if sound else None
        for number, rgb in zip(pts, frames):
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(
                format=pixel_format,
                dst_colorspace={6: 5}.get(matrix, matrix),
                dst_color_range=range,
            )
            frame.pts, frame.time_base = int(number), context.time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if tone:
            samples = int(RATE * (pts[-1] + 1) / rate)
            sine = np.sin(np.arange(samples) * 2 * np.pi * 440 / RATE).astype(np.float32)
            for start in np.arange(0, samples, 1024):
                block = np.tile(sine[start : start + 1024], (2, 1))
                frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
                frame.sample_rate, frame.pts = RATE, int(start)
                container.mux(tone.encode(frame))
            container.mux(tone.encode(None))
    return path


def read_video(path):
    """(frames as RGB, times in seconds, video stream properties)"""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        context = stream.codec_context
        return (
            [frame.to_ndarray(format="rgb24") for frame in frames],
            [float(frame.pts * frame.time_base) for frame in frames],
            {
                "rate": stream.average_rate,
                "codec": context.name,
                "range": context.color_range,
                "matrix": context.colorspace,
                "transfer": context.color_trc,
                "aspect": stream.sample_aspect_ratio,
                "rotation": frames[0].rotation,
            },
        )


def sound_packets(path):
    with av.open(str(path)) as container:
        return [
            (float(packet.pts * packet.time_base), bytes(packet))
            for packet in container.demux(audio=0)
            if packet.size
        ]


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """One second, 25 frames, with sound."""
    return write_video(tmp_path_factory.mktemp("clip") / "clip.mp4", numbered(25))


def difference(a, b):
    return np.abs(np.asarray(a, float) - np.asarray(b, float)).mean()


def gray(rgb):
    """What 4:2:0 stores at full resolution."""
    return cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)


def test_frames_are_the_stylizers(stylizer, clip, tmp_path):
    done = []
    job = plan_video(clip, tmp_path / "out.mp4", crf=1)
    assert stylize_video(stylizer, job, batch_size=4, on_frames=done.append) is None
    frames, _, stream = read_video(job.target)
    assert len(frames) == sum(done) == job.frames == 25
    assert stream["rate"] == 25 and stream["codec"] == "h264"
    source = read_video(clip)[0]
    for n in (0, 12, 24):
        assert difference(gray(frames[n]), gray(stylizer(source[n]))) < 4
    assert difference(frames[0], source[0]) > 20
    assert os.listdir(tmp_path) == ["out.mp4"]


def test_sound_is_copied_to_the_byte(stylizer, clip, tmp_path):
    stylize_video(stylizer, plan_video(clip, tmp_path / "a.mp4"), UNCHANGED)
    assert sound_packets(tmp_path / "a.mp4") == sound_packets(clip)
    stylize_video(stylizer, plan_video(clip, tmp_path / "b.mkv", sound=False), UNCHANGED)
    with av.open(str(tmp_path / "b.mkv")) as container:
        assert not container.streams.audio


@pytest.mark.parametrize("extension", [".mov", ".mkv", ".ts"])
def test_other_containers(stylizer, tmp_path, extension):
    source = write_video(tmp_path / f"clip{extension}", numbered(12))
    job = plan_video(source)
    assert job.target.name == {".ts": "clip_anime.mp4"}.get(extension, f"clip_anime{extension}")
    assert stylize_video(stylizer, job, UNCHANGED) is None
    frames, times, _ = read_video(job.target)
    assert [number_of(frame, 12) for frame in frames] == list(range(12))
    step = 1.1e-3  # Matroska counts milliseconds.
    assert np.diff(times) == pytest.approx(np.full(11, 0.04), abs=step)
    before, after = sound_packets(source), sound_packets(job.target)
    assert len(before) == len(after) > 20
    assert after[0][0] - times[0] == pytest.approx(
        before[0][0] - read_video(source)[1][0], abs=step
    )


def test_webm_gets_vp9_which_stores_odd_sizes(stylizer, tmp_path):
    source = write_video(
        tmp_path / "clip.mkv",
        numbered(3, 49, 33),
        codec="ffv1",
        sound=False,
        pixel_format="yuv444p",
    )
    notes = []
    job = plan_video(source, tmp_path / "out.webm")
    assert stylize_video(stylizer, job, on_note=notes.append) is None
    frames, _, stream = read_video(job.target)
    assert frames[0].shape == (33, 49, 3) and "vp9" in stream["codec"] and not notes


def test_odd_sizes_grow_by_one_where_the_codec_needs_it_and_say_so(stylizer, tmp_path):
    source = write_video(
        tmp_path / "clip.mkv",
        numbered(3, 49, 33),
        codec="ffv1",
        sound=False,
        pixel_format="yuv444p",
    )
    notes = []
    job = plan_video(source, tmp_path / "out.mp4", crf=1)
    assert stylize_video(stylizer, job, UNCHANGED, on_note=notes.append) is None
    frame = read_video(job.target)[0][0]
    assert frame.shape == (34, 50, 3)
    assert difference(frame[:32, :48], numbered(3, 49, 33)[0][:32, :48]) < 8
    (note,) = notes
    assert "50x34" in note and "--codec=vp9" in note


@pytest.mark.parametrize("codec", ["h265", "av1"])
def test_other_codecs(stylizer, tmp_path, codec):
    source = write_video(tmp_path / "clip.mp4", numbered(3, 64, 64), sound=False)
    job = plan_video(source, tmp_path / "out.mp4", codec=codec, crf=10)
    assert stylize_video(stylizer, job, UNCHANGED) is None
    frames, _, _ = read_video(job.target)
    assert len(frames) == 3
    assert difference(frames[2], numbered(3, 64, 64)[2]) < 12


def test_codecs_that_cannot_do_small_sizes_are_refused(stylizer, clip, tmp_path):
    job = plan_video(clip, tmp_path / "out.mp4", codec="h265")
    assert "h265 needs 64 pixels on each side, not 48x32" in stylize_video(stylizer, job).reason
    assert not os.listdir(tmp_path)


def test_lower_crf_is_larger(stylizer, clip, tmp_path):
    for crf in (10, 40):
        stylize_video(stylizer, plan_video(clip, tmp_path / f"{crf}.mp4", crf=crf, sound=False))
    assert (tmp_path / "10.mp4").stat().st_size > 1.5 * (tmp_path / "40.mp4").stat().st_size


def test_fractional_rate(stylizer, tmp_path):
    rate = Fraction(30000, 1001)
    source = write_video(tmp_path / "clip.mp4", numbered(15), rate=rate)
    job = plan_video(source)
    assert stylize_video(stylizer, job, UNCHANGED) is None
    _, times, stream = read_video(job.target)
    assert stream["rate"] == rate
    assert times == pytest.approx(np.arange(15) * 1001 / 30000, abs=1e-4)


def test_variable_rate_keeps_every_time(stylizer, tmp_path):
    pts = [0, 1, 2, 10, 11, 15, 31, 32]
    source = write_video(tmp_path / "clip.mp4", numbered(8), rate=Fraction(30), pts=pts)
    job = plan_video(source)
    assert stylize_video(stylizer, job, UNCHANGED) is None
    frames, times, _ = read_video(job.target)
    assert times == pytest.approx([n / 30 for n in pts], abs=1e-4)
    assert [number_of(frame, 8) for frame in frames] == list(range(8))


@pytest.mark.parametrize(
    "matrix, range, pixel_format",
    [
        (1, 1, "yuv420p"),
        (6, 1, "yuv420p"),
        (1, 2, "yuv420p"),
        (6, 2, "yuvj420p"),
        (9, 1, "yuv420p"),
    ],
)
def test_colors_come_out_as_they_went_in(stylizer, tmp_path, matrix, range, pixel_format):
    source = write_video(
        tmp_path / "clip.mp4",
        numbered(2, 96, 64),
        sound=False,
        matrix=matrix,
        range=range,
        pixel_format=pixel_format,
        crf="1",
    )
    job = plan_video(source, crf=1)
    assert stylize_video(stylizer, job, UNCHANGED) is None
    frames, _, stream = read_video(job.target)
    assert stream["range"] == 1 and stream["matrix"] == matrix
    for index, color in enumerate(COLORS):
        assert np.abs(frames[1][40, 16 * index + 8].astype(int) - color).max() <= 6


def test_hdr_stays_hdr_and_is_noted(stylizer, tmp_path):
    source = write_video(
        tmp_path / "clip.mp4",
        numbered(2, 64, 64),
        sound=False,
        matrix=9,
        transfer=16,
        codec="libx265",
        pixel_format="yuv420p10le",
    )
    notes = []
    job = plan_video(source)
    assert stylize_video(stylizer, job, UNCHANGED, on_note=notes.append) is None
    _, _, stream = read_video(job.target)
    assert (stream["matrix"], stream["transfer"]) == (9, 16)
    assert notes == [f"{source}: PQ (HDR) is kept, with 8 bits a channel"]


def rotate_mp4(path, angle):
    """Writes a rotation (degrees to the right) into the track header's matrix."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    a, b, c, d = {90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}[angle]
    values = [a, b, 0, c, d, 0, 0, 0, 0x4000]
    data[at : at + 36] = b"".join(
        (value * 0x10000).to_bytes(4, "big", signed=True) for value in values
    )
    path.write_bytes(data)


@pytest.mark.parametrize("angle", [90, 180, 270])
def test_rotation_is_applied_to_the_pixels(stylizer, tmp_path, angle):
    source = write_video(tmp_path / "clip.mp4", numbered(2), sound=False, aspect=Fraction(4, 3))
    rotate_mp4(source, angle)
    job = plan_video(source)
    assert stylize_video(stylizer, job, UNCHANGED) is None
    frames, _, stream = read_video(job.target)
    assert stream["rotation"] == 0
    expected = np.rot90(numbered(2)[0], -angle // 90)
    assert frames[0].shape == expected.shape and difference(frames[0], expected) < 8
    assert stream["aspect"] == (Fraction(4, 3) if angle == 180 else Fraction(3, 4))


def with_extras(source, target):
    """The source with a second sound track, subtitles, chapters, and a title."""
    words = target.with_suffix(".srt")
    words.write_text(
        "1\n00:00:00,100 --> 00:00:00,400\nfirst\n\n2\n00:00:00,600 --> 00:00:00,900\nsecond\n"
    )
    with (
        av.open(str(source)) as film,
        av.open(str(words)) as subtitles,
        av.open(str(target), "w") as container,
    ):
        copies = {}
        for track in (*film.streams, film.streams.audio[0], *subtitles.streams):
            copy = container.add_stream_from_template(track)
            copies.setdefault((track.container, track.index), []).append(copy)
        container.metadata["title"] = "A walk"
        container.set_chapters(
            [
                {"id": n, "start": 500 * n, "end": 500 * n + 500, "time_base": Fraction(1, 1000)}
                | {"metadata": {"title": f"part {n}"}}
                for n in range(2)
            ]
        )
        for packet in [*film.demux(), *subtitles.demux()]:
            if not packet.size:
                continue
            for copy in copies[packet.stream.container, packet.stream.index]:
                twin = av.Packet(bytes(packet))
                twin.pts, twin.dts, twin.time_base = packet.pts, packet.dts, packet.time_base
                twin.duration, twin.is_keyframe = packet.duration, packet.is_keyframe
                twin.stream = copy
                container.mux(twin)
    return target


def extras_of(path):
    """(sound tracks, [(seconds, text)] of subtitles, [(from, to, title)] of chapters, title)"""
    with av.open(str(path)) as film:
        subtitles = [
            (round(float(packet.pts * packet.time_base), 2), bytes(packet))
            for packet in (film.demux(*film.streams.subtitles) if film.streams.subtitles else ())
            if packet.size
        ]
        chapters = [
            (*(round(float(c[end] * c["time_base"]), 2) for end in ("start", "end")), c["metadata"])
            for c in film.chapters()
        ]
        return len(film.streams.audio), subtitles, chapters, film.metadata.get("title")


def test_tracks_chapters_and_titles_are_kept(stylizer, clip, tmp_path):
    source = with_extras(clip, tmp_path / "film.mkv")
    notes = []
    job = plan_video(source, tmp_path / "plain.mkv")
    assert stylize_video(stylizer, job, UNCHANGED, on_note=notes.append) is None
    chapters = [(0, 0.5, {"title": "part 0"}), (0.5, 1, {"title": "part 1"})]
    assert extras_of(job.target) == (2, [], chapters, "A walk")
    assert notes == [f"{source}: subtitles are left out; --map all keeps them"]

    job = plan_video(source, tmp_path / "all.mkv", subtitles=True, start=0.4)
    assert stylize_video(stylizer, job, UNCHANGED) is None
    sound, subtitles, chapters, _ = extras_of(job.target)
    assert sound == 2 and subtitles == [(0.2, b"second")]
    # In the time of the first frame from 0.4 s on.
    assert [chapter[:2] for chapter in chapters] in (
        [(0, 0.1), (0.1, 0.6)],
        [(0, 0.08), (0.08, 0.58)],
    )
    with pytest.raises(UserError, match=r"subtitles \((srt|subrip)\) can't be copied into .mp4"):
        plan_video(source, tmp_path / "x.mp4", subtitles=True)


def test_interlaced_frames_are_made_whole(stylizer, tmp_path):
    """Each frame's lines are those of two times; the result has no comb."""
    frames = []
    for number in range(8):
        frame = np.full((64, 64, 3), 40, np.uint8)
        frame[0::2, 6 * number : 6 * number + 10] = 230
        frame[1::2, 6 * number + 3 : 6 * number + 13] = 230
        frames.append(frame)
    options = {"crf": "4", "x264-params": "tff=1"}
    with av.open(str(tmp_path / "tv.mkv"), "w") as container:
        stream = container.add_stream("libx264", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for number, rgb in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    notes = []
    job = plan_video(tmp_path / "tv.mkv", crf=1)
    assert stylize_video(stylizer, job, UNCHANGED, on_note=notes.append) is None
    results, times, _ = read_video(job.target)
    assert "interlaced, and deinterlaced here" in notes[0]
    assert times == pytest.approx(np.arange(8) / 25, abs=2e-3)

    def comb(frame):
        return np.abs(np.diff(gray(frame).astype(float), axis=0)).mean()

    assert comb(results[4]) < 0.4 * comb(frames[4])


def test_target_fps_leaves_frames_out_and_keeps_the_sound(stylizer, clip, tmp_path):
    job = plan_video(clip, tmp_path / "out.mp4", target_fps=10)
    assert job.frames == 10 and stylize_video(stylizer, job, UNCHANGED) is None
    frames, times, stream = read_video(job.target)
    assert [number_of(frame, 25) for frame in frames] == [0, 3, 5, 8, 10, 13, 15, 18, 20, 23]
    assert times == pytest.approx(np.arange(10) / 10, abs=1e-4) and stream["rate"] == 10
    assert sound_packets(job.target) == sound_packets(clip)
    assert plan_video(clip, tmp_path / "all.mp4", target_fps=60).target_fps is None


def test_start_and_duration_cut_picture_and_sound(stylizer, clip, tmp_path):
    job = plan_video(clip, tmp_path / "out.mp4", start=0.4, duration=0.4)
    assert stylize_video(stylizer, job, UNCHANGED) is None
    frames, times, _ = read_video(job.target)
    assert [number_of(frame, 25) for frame in frames] == list(range(10, 20)) and job.frames == 10
    assert times == pytest.approx(np.arange(10) / 25, abs=1e-4)
    whole = dict(reversed(packet) for packet in sound_packets(clip))
    cut = sound_packets(job.target)
    assert len(cut) == pytest.approx(0.4 * RATE / 1024, abs=1)
    for when, data in cut:  # Each packet as far from the first frame as it was.
        assert whole[data] == pytest.approx(when + 0.4, abs=1e-3)


def test_compare_and_max_side(stylizer, clip, tmp_path):
    job = plan_video(clip, tmp_path / "out.mp4", duration=0.1)
    assert stylize_video(stylizer, job, Options(compare=True, max_side=24)) is None
    frame = read_video(job.target)[0][0]
    assert frame.shape == (16, 48, 3)
    assert (
        difference(
            frame[:, :24], cv2.resize(numbered(25)[0], (24, 16), interpolation=cv2.INTER_AREA)
        )
        < 15
    )


@pytest.mark.parametrize("extension, options", [(".mp4", {"movflags": "faststart"}), (".mkv", {})])
def test_a_cut_off_video_gives_what_can_be_read(stylizer, tmp_path, extension, options):
    whole = write_video(tmp_path / f"whole{extension}", noise(25), options=options)
    cut = tmp_path / f"cut{extension}"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    finding = stylize_video(stylizer, plan_video(cut), UNCHANGED)
    assert "cut off" in finding.reason and "of 1.0 s" in finding.reason
    assert f"cut_anime{extension}" in finding.remedy
    frames = read_video(tmp_path / f"cut_anime{extension}")[0]
    assert 8 <= len(frames) <= 20
    assert stylize_video(stylizer, plan_video(whole), UNCHANGED) is None


def test_damaged_packets_are_reported(stylizer, tmp_path):
    source = write_video(
        tmp_path / "clip.avi",
        numbered(9),
        codec="png",
        pixel_format="rgb24",
        range=2,
        matrix=2,
        sound=False,
    )
    data = bytearray(source.read_bytes())
    second = data.index(b"IDAT", data.index(b"IEND"))
    data[second + 8 : second + 40] = bytes(32)
    source.write_bytes(data)
    finding = stylize_video(stylizer, plan_video(source), UNCHANGED)
    assert finding.reason == "damaged frames left out: 1"
    assert len(read_video(tmp_path / "clip_anime.mp4")[0]) == 8


@pytest.mark.parametrize("part", [0.8, 0.95])
def test_missing_frames_of_a_damaged_avi_are_counted(stylizer, tmp_path, part):
    source = write_video(tmp_path / "clip.avi", noise(25), codec="mpeg4", sound=False)
    os.truncate(source, int(source.stat().st_size * part))
    finding = stylize_video(stylizer, plan_video(source), UNCHANGED)
    done = len(read_video(tmp_path / "clip_anime.mp4")[0])
    assert 0 < done < 25
    assert finding.reason.split("; ")[0] == f"damaged frames left out: {25 - done}"


@pytest.mark.parametrize("extension, codec", [(".mkv", "libx264"), (".webm", "libvpx-vp9")])
def test_frames_that_a_damaged_file_skips_are_missed_by_their_times(
    stylizer, tmp_path, extension, codec
):
    """Matroska says nowhere how many frames there are, and its readers go on after a hole."""
    left = [number for number in range(60) if number not in (30, 31, 32)]
    source = write_video(
        tmp_path / f"a{extension}", noise(len(left)), codec=codec, sound=False, pts=left
    )
    finding = stylize_video(stylizer, plan_video(source), UNCHANGED)
    assert finding.reason == "damaged frames left out: at least 3"
    assert len(read_video(tmp_path / f"a_anime{extension}")[0]) == len(left)


def test_frames_of_gigantic_size_are_refused_before_they_are_decoded(clip, monkeypatch):
    monkeypatch.setattr(video, "MAX_PIXELS", 1000)
    with pytest.raises(UserError, match=r"its frames have \d+x\d+, more than 1,000 pixels"):
        plan_video(clip)


def test_a_video_in_an_unknown_codec_is_refused(tmp_path):
    path = write_video(tmp_path / "a.mkv", numbered(3), sound=False)
    data = path.read_bytes()
    assert b"V_MPEG4/ISO/AVC" in data
    path.write_bytes(data.replace(b"V_MPEG4/ISO/AVC", b"V_NOTHING/KNOWN"))
    with pytest.raises(UserError, match="a.mkv: its codec is unknown"):
        plan_video(path)


def test_gaps_count_only_in_a_constant_rate():
    assert missing_frames({40: 148, 80: 1, 120: 1}) == 3
    assert missing_frames({33: 60, 34: 120, 100: 1}) == 2
    assert missing_frames({40: 99}) == missing_frames({}) == 0
    assert missing_frames({40: 18, 80: 1}) == 0  # Too few to tell.
    assert missing_frames({40: 90, 80: 9}) == 0  # Equal frames have been left out.
    assert missing_frames({31: 30, 33: 40, 36: 30, 70: 1}) == 0  # A phone's camera.


def test_what_is_no_video_is_found_before_the_work(tmp_path):
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("not a video")
    (tmp_path / "half.mp4").write_bytes(
        write_video(tmp_path / "whole.mp4", numbered(9)).read_bytes()[:1500]
    )
    with av.open(str(tmp_path / "song.mkv"), "w") as container:
        tone = container.add_stream("aac", rate=RATE)
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), "fltp", "stereo")
        frame.sample_rate, frame.pts = RATE, 0
        container.mux(tone.encode(frame) + tone.encode(None))
    names = ["empty.mp4", "text.mp4", "half.mp4", "song.mkv", "missing.mp4"]
    with pytest.raises(UserError) as raised:
        plan_videos([tmp_path / name for name in names])
    reasons = [finding.reason for finding in raised.value.findings]
    assert len(reasons) == 5
    for reason, part in zip(
        reasons, ["no such file", "empty", "not a video", "table of contents", "no video"]
    ):
        assert part in reason


@pytest.mark.parametrize(
    "settings, part",
    [
        ({"codec": "mpeg1"}, "h264, h265, vp9 or av1"),
        ({"crf": 52}, "Give 0 to 51"),
        ({"start": -1}, "before the beginning"),
        ({"start": 1.5}, "ends before, at 1.0 s"),
        ({"duration": 0}, "nothing is left"),
        ({"target_fps": 0}, "no rate of frames"),
        ({"output": "-"}, "standard output"),
        ({"output": "x.webm"}, "can't be copied into .webm"),
        ({"output": "x.webm", "codec": "h264"}, "can't hold h264"),
        ({"output": "x.mov", "codec": "vp9"}, "can't hold vp9"),
    ],
)
def test_impossible_settings_are_refused(clip, settings, part):
    with pytest.raises(UserError, match=part):
        plan_videos([clip], **settings)


def test_no_file_is_lost(stylizer, clip, tmp_path):
    source = tmp_path / "clip.mp4"
    source.write_bytes(clip.read_bytes())
    with pytest.raises(UserError, match="this is a source"):
        plan_video(source, source, overwrite=True)
    (tmp_path / "out.mp4").write_text("mine")
    with pytest.raises(UserError, match="exists already"):
        plan_video(source, tmp_path / "out.mp4")
    job = plan_video(source, tmp_path / "out.mp4", overwrite=True)
    assert stylize_video(stylizer, job, UNCHANGED) is None
    assert len(read_video(tmp_path / "out.mp4")[0]) == 25
    with pytest.raises(UserError, match=r"ends with \.mp4, \.m4v, \.mov, \.mkv or \.webm"):
        plan_video(source, tmp_path / "out.txt")


def test_names_may_be_of_any_kind(stylizer, clip, tmp_path):
    source = tmp_path / "花見 100%: a'b.mp4"
    source.write_bytes(clip.read_bytes())
    assert stylize_video(stylizer, plan_video(source, duration=0.1), UNCHANGED) is None
    assert (tmp_path / "花見 100%: a'b_anime.mp4").exists()


def test_a_full_disk_leaves_the_earlier_result(stylizer, tmp_path):
    source = write_video(tmp_path / "clip.mp4", noise(9, 64, 64))
    (tmp_path / "out.mp4").write_text("earlier")
    job = plan_video(source, tmp_path / "out.mp4", overwrite=True)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        finding = stylize_video(stylizer, job, UNCHANGED)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert "can't be written (File too large)" in finding.reason
    assert (tmp_path / "out.mp4").read_text() == "earlier"
    assert sorted(os.listdir(tmp_path)) == ["clip.mp4", "out.mp4"]


class Failing:
    """Takes the Stylizer's place from the given call on."""

    def __init__(self, error, call=3):
        self.error, self.call, self.calls = error, call, 0

    def __call__(self, photos, **effects):
        self.calls += 1
        if self.calls == self.call:
            raise self.error
        return photos


def test_an_error_in_the_network_ends_all_threads_and_leaves_nothing(clip, tmp_path):
    job = plan_video(clip, tmp_path / "out.mp4")
    finding = stylize_video(Failing(ValueError("too large. Use --max_side")), job)
    assert "too large" in finding.reason
    for error in (KeyboardInterrupt, ZeroDivisionError):
        with pytest.raises(error):
            stylize_video(Failing(error), job)
    assert not os.listdir(tmp_path)
    assert not [
        thread for thread in threading.enumerate() if thread.name.startswith(("read_", "write_"))
    ]


@pytest.mark.parametrize("delay", [0, 0.003])
def test_memory_does_not_grow_with_the_length(tmp_path, delay):
    """Neither where the network is the slowest part nor where the writer is."""

    def run(photos, **effects):
        time.sleep(delay)
        return photos.copy()

    peaks = []
    for count in (20, 100):
        source = write_video(tmp_path / f"{count}.mp4", numbered(count, 64, 64), sound=False)
        job = plan_video(source)
        tracemalloc.start()
        try:
            assert stylize_video(run, job) is None
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert peaks[1] < peaks[0] + 20 * 64 * 64 * 3


def test_inputs_are_split_by_extension(tmp_path):
    for name in ("x.jpg", "y.MP4", "sub/z.webm"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = find_sources([f"{tmp_path}/*.*", f"{tmp_path}/*.jpg", "-", "no*match.png"])
    assert [source.path for source in found.pictures] == [tmp_path / "x.jpg", None]
    assert [source.path for source in found.videos] == [tmp_path / "y.MP4"]
    assert [finding.where for finding in found.findings] == ["no*match.png"]
    found = find_sources([tmp_path])
    assert [str(source.inside) for source in found.pictures] == ["x.jpg"]
    assert [str(source.inside) for source in found.videos] == ["sub/z.webm", "y.MP4"]
    assert len(find_sources([tmp_path], recursive=False).videos) == 1


def test_patterns_leave_out_earlier_results(clip, tmp_path):
    for name in ("a.mp4", "a_anime.mp4", "b.mp4", "text.txt"):
        (tmp_path / name).write_bytes(clip.read_bytes())
    jobs = plan_videos([f"{tmp_path}/*"], overwrite=True)
    assert [job.source.name for job in jobs] == ["a.mp4", "b.mp4"]
    with pytest.raises(UserError, match=r"a_anime\.mp4: this is a source"):
        plan_videos([tmp_path / "a.mp4", tmp_path / "a_anime.mp4"], overwrite=True)


def test_command_line(command, generator_file, clip, tmp_path):
    (tmp_path / "clip.mp4").write_bytes(clip.read_bytes())
    whole = write_video(tmp_path / "whole.mkv", numbered(25), crf="0")
    (tmp_path / "cut.mkv").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    cv2.imwrite(str(tmp_path / "photo.png"), numbered(1)[0])
    done = command(
        "infer",
        f"--model={generator_file}",
        "clip.mp4",
        "cut.mkv",
        "photo.png",
        "--temporal",
        "--start=0.2",
        "--crf=30",
        "--batch_size=2",
        "--output=out",
        "--max_side=40",
        folder=tmp_path,
    )
    assert done.status == 1, done.stderr
    assert "out/clip.mp4: 20 frames in " in done.stderr
    assert "failed: cut.mkv: the file is cut off" in done.stderr
    assert sorted(os.listdir(tmp_path / "out")) == ["clip.mp4", "cut.mkv", "photo.png"]
    frames = read_video(tmp_path / "out/clip.mp4")[0]
    assert len(frames) == 20 and frames[0].shape == (28, 40, 3)


def test_command_line_begins_nothing_that_cannot_work(command, generator_file, tmp_path):
    (tmp_path / "empty.mp4").touch()
    arguments = ("empty.mp4", "--codec=h264", "--crf=99", "missing.jpg")
    done = command("infer", f"--model={generator_file}", *arguments, folder=tmp_path)
    assert done.status == 2
    assert "empty.mp4: an empty file. Give another file" in done.stderr
    assert "missing.jpg: no such file" in done.stderr
    assert os.listdir(tmp_path) == ["empty.mp4"]


def still_scene(count, rng):
    """A still picture with sensor noise, in which a square moves; and where it never is."""
    base = cv2.resize(rng.uniform(0, 255, (6, 8, 3)).astype(np.float32), (48, 36))
    frames = np.clip(base + rng.normal(0, 6, (count, *base.shape)), 0, 255).astype(np.uint8)
    for number, frame in enumerate(frames):
        frame[20:30, 2 * number : 2 * number + 8] = 255
    return frames, np.s_[:, :16]


def test_temporal_halves_the_flicker_of_what_holds_still(stylizer):
    frames, still = still_scene(12, np.random.default_rng(0))
    plain = stylizer(frames)
    steady = TemporalFilter()
    filtered = np.concatenate([steady(frames[n : n + 4], plain[n : n + 4]) for n in (0, 4, 8)])

    def flicker(results):
        return np.abs(np.diff(results[still].astype(float), axis=0)).mean()

    assert flicker(filtered) < 0.5 * flicker(plain)
    assert np.array_equal(filtered[0], plain[0])


def test_temporal_leaves_no_trail(stylizer):
    """Neither behind what moves nor after a scene cut."""
    frames, _ = still_scene(12, np.random.default_rng(0))
    frames = np.concatenate([frames, 255 - frames])
    filtered = TemporalFilter()(frames, frames)
    assert difference(filtered[12], frames[12]) < 0.5
    moved = np.s_[11, 20:30, 4:20]  # The square has left here.
    assert difference(filtered[moved], frames[moved]) < 8


WITHOUT_AV = """
import sys
sys.modules["av"] = None
from animegan_tf.styling import video_files
assert "tensorflow" not in sys.modules
print(video_files.WHY_NO_AV)
"""


def test_that_pyav_is_missing_is_known():
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT_AV], cwd=ROOT, capture_output=True, text=True
    )
    assert run.stdout.startswith("PyAV is missing ("), run.stderr


@pytest.fixture
def without_av(monkeypatch):
    monkeypatch.setattr(video_files, "WHY_NO_AV", "PyAV is missing (No module named 'av')")


def test_without_pyav_opencv_writes_silent_videos(stylizer, without_av, tmp_path):
    notes = []
    clip = write_video(tmp_path / "clip.mp4", numbered(25, 64, 64))
    job = plan_video(clip, tmp_path / "out.mp4", start=0.2)
    assert stylize_video(stylizer, job, UNCHANGED, on_note=notes.append) is None
    (note,) = notes
    assert note.startswith("PyAV is missing") and "silent" in note and "[video]" in note
    frames, _, stream = read_video(tmp_path / "out.mp4")
    assert [number_of(frame, 25) for frame in frames] == list(range(5, 25))
    assert stream["rate"] == 25
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert not container.streams.audio

    odd = write_video(tmp_path / "odd.mp4", numbered(3, 49, 33), codec="libvpx-vp9", sound=False)
    job = plan_video(odd, tmp_path / "odd_out.mkv")
    assert stylize_video(stylizer, job, on_note=notes.append) is None and "50x34" in notes[-1]

    turned = write_video(tmp_path / "turned.mp4", numbered(2, 64, 48), sound=False)
    rotate_mp4(turned, 90)
    job = plan_video(turned, tmp_path / "turned_out.mp4")
    assert stylize_video(stylizer, job, UNCHANGED) is None
    frame = read_video(tmp_path / "turned_out.mp4")[0][0]
    assert difference(frame, np.rot90(numbered(2, 64, 48)[0], -1)) < 15
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]


def test_without_pyav_what_is_wrong_is_found_too(stylizer, without_av, tmp_path):
    whole = write_video(
        tmp_path / "whole.mp4", noise(25), options={"movflags": "faststart"}, sound=False
    )
    cut, text = tmp_path / "cut.mp4", tmp_path / "text.mp4"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    text.write_text("not a video")
    assert "cut off" in stylize_video(stylizer, plan_video(cut)).reason
    with pytest.raises(UserError, match="PyAV is missing"):
        plan_video(whole, tmp_path / "x.mp4", crf=20)
    with pytest.raises(UserError, match="no video"):
        plan_video(text, tmp_path / "x.mp4")


def test_a_preview_shows_frames_spread_over_the_part_that_is_to_be_done(stylizer, clip, tmp_path):
    job = plan_video(clip, tmp_path / "out.mp4", start=0.2, duration=0.4)
    assert preview_video(stylizer, job, count=2) is None
    assert os.listdir(tmp_path) == ["out_preview.jpg"]
    sheet = images.read_rgb(tmp_path / "out_preview.jpg")
    assert sheet.shape == (2 * 32, 2 * 48, 3)
    source = read_video(clip)[0]
    assert [number_of(sheet[top : top + 32, :48], 25) for top in (0, 32)] == [8, 13]
    assert difference(gray(sheet[:32, 48:]), gray(stylizer(source[8]))) < 12
    assert difference(sheet[:32, 48:], sheet[:32, :48]) > 20


def test_a_preview_is_written_in_place_of_the_video(command, generator_file, clip, tmp_path):
    (tmp_path / "clip.mp4").write_bytes(clip.read_bytes())
    arguments = (f"--model={generator_file}", "clip.mp4", "--preview=3")
    done = command("infer", *arguments, folder=tmp_path)
    assert done.status == 0, done.stderr
    assert "clip_anime_preview.jpg: 3 frames" in done.stderr
    assert sorted(os.listdir(tmp_path)) == ["clip.mp4", "clip_anime_preview.jpg"]
    again = command("infer", *arguments, folder=tmp_path)
    assert again.status == 2 and "clip_anime_preview.jpg: exists already" in again.stderr
    assert command("infer", *arguments, "--overwrite", folder=tmp_path).status == 0
