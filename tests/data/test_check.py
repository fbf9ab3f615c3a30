"""What the check says of training files, and what it measures."""

import gc
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from bombs import png_claiming
from training_sets import (
    SIZE,
    fill,
    found,
    picture,
    reasons,
)

from animegan_tf.data import check
from animegan_tf.data.check import check_training_files
from animegan_tf.data.find import find_training_files
from animegan_tf.errors import UserError
from animegan_tf.images import (
    encode_image,
    read_rgb,
    write_image,
)


@pytest.fixture
def few_pictures_will_do(monkeypatch):
    monkeypatch.setattr(check, "FEW_PICTURES", 0)


def spoil(data_dir):
    """One bad file of each kind; returns which."""
    photos, style = data_dir / "train_photo", data_dir / "Hayao" / "style"
    png, jpeg = (encode_image(picture(9, 64, 64), format) for format in ("PNG", "JPEG"))
    (photos / "cut.png").write_bytes(png[: len(png) // 2])
    (photos / "cut.JPG").write_bytes(jpeg[: len(jpeg) // 2])
    (photos / "text.jpg").write_text("hello")
    (style / "nothing.png").write_bytes(b"")
    write_image(photos / "dot.png", np.zeros((1, 1, 3), np.uint8))
    write_image(style / "thin.png", picture(8, 64, 64)[:8])
    write_image(style / "flat.png", np.full((64, 64, 3), (10, 200, 30), np.uint8))
    noise = np.random.default_rng(0).integers(0, 3, (64, 64, 3), np.uint8)
    write_image(photos / "nearly_flat.png", 100 + noise)
    (data_dir / "val").mkdir()
    (data_dir / "val" / "broken.png").write_bytes(png[: len(png) // 2])
    return {
        "cut.png": "truncated",
        "cut.JPG": "truncated",
        "text.jpg": "not a picture",
        "nothing.png": "empty",
        "dot.png": "too small, 1x1",
        "thin.png": "too small, 64x8",
        "flat.png": "flat",
        "nearly_flat.png": "flat",
        "broken.png": "truncated",
    }


def test_every_bad_file_is_named_at_once(data_dir):
    bad = spoil(data_dir)
    with pytest.raises(UserError) as error:
        check_training_files(found(data_dir), image_size=SIZE)
    said = {Path(finding.where).name: finding for finding in error.value.findings}
    assert said.keys() == bad.keys()
    for name, reason in bad.items():
        assert reason in said[name].reason, said[name]
        assert "--skip_bad_images" in said[name].remedy


def test_bad_files_can_be_left_out(data_dir, few_pictures_will_do):
    bad = spoil(data_dir)
    files, findings, report = check_training_files(
        found(data_dir), image_size=SIZE, skip_bad_images=True, workers=1
    )
    assert {Path(finding.where).name for finding in findings} == bad.keys()
    assert len(files.photos) == 7 and len(files.anime) == 5 and len(files.val) == 7
    assert (report.photos, report.anime, report.dropped) == (7, 5, 9)


def test_an_empty_set_is_an_error_even_when_skipping(data_dir):
    for path in (data_dir / "Hayao" / "style").iterdir():
        path.write_bytes(b"")
    with pytest.raises(UserError) as error:
        check_training_files(found(data_dir), image_size=SIZE, skip_bad_images=True)
    assert len(error.value.findings) == 6 and "no usable picture" in reasons(error)


def test_a_good_set_passes_unchanged(data_dir, few_pictures_will_do):
    files, findings, report = check_training_files(found(data_dir), image_size=SIZE)
    assert files == found(data_dir) and not findings
    assert (report.photos, report.anime, report.val, report.dropped) == (7, 5, 7, 0)


def test_copies_are_doubtful_but_no_error(data_dir, few_pictures_will_do):
    photos, style = data_dir / "train_photo", data_dir / "Hayao" / "style"
    (photos / "copy.png").write_bytes((photos / "000.png").read_bytes())
    (photos / "taken.png").write_bytes((style / "100.png").read_bytes())
    files, findings, _ = check_training_files(found(data_dir), image_size=SIZE)
    assert len(files.photos) == 9
    said = {Path(finding.where).name: finding.reason for finding in findings}
    assert said.keys() == {"copy.png", "100.png"}
    assert "a copy of" in said["copy.png"] and "000.png" in said["copy.png"]
    assert "among the photos" in said["100.png"] and "taken.png" in said["100.png"]


def test_many_copies_do_not_flood_the_log(data_dir, few_pictures_will_do):
    photos = data_dir / "train_photo"
    for i in range(30):
        (photos / f"copy{i}.png").write_bytes((photos / "000.png").read_bytes())
    _, findings, _ = check_training_files(found(data_dir), image_size=SIZE)
    assert len(findings) == 11 and "20 more" in findings[-1].reason


def test_a_smooth_folder_counts_only_if_it_matches(data_dir, few_pictures_will_do):
    fill(data_dir / "Hayao" / "smooth", range(100, 105), ".jpg")
    files, findings, report = check_training_files(found(data_dir), image_size=SIZE)
    assert len(files.smooth) == report.smooth == 5 and not findings
    assert "from smooth/" in str(report)
    (data_dir / "Hayao" / "smooth" / "104.jpg").rename(data_dir / "Hayao" / "smooth" / "999.jpg")
    files, findings, report = check_training_files(found(data_dir), image_size=SIZE)
    assert files.smooth == () and report.smooth == 0
    assert len(findings) == 1 and "do not match" in findings[0].reason


def test_report_measures_the_style(tmp_path):
    fill(tmp_path / "photos", range(4))
    ramp = np.repeat(np.linspace(-20, 20, 40)[None, :, None], 40, axis=0)
    (tmp_path / "anime").mkdir()
    colors = {"night": (20, 30, 70), "day": (120, 130, 170), "sky": (90, 100, 140)}
    for name, color in colors.items():
        write_image(tmp_path / "anime" / f"{name}.png", (ramp + color).astype(np.uint8))
    files = find_training_files(photos=tmp_path / "photos", anime=tmp_path / "anime")
    _, findings, report = check_training_files(files, image_size=SIZE)
    mean = np.mean([read_rgb(path).reshape(-1, 3).mean(axis=0) for path in files.anime], axis=0)
    assert report.brightness == pytest.approx(mean @ [0.299, 0.587, 0.114])
    np.testing.assert_allclose(report.cast, mean - mean.mean())
    assert report.dark_share == pytest.approx(1 / 3)
    assert report.megapixels == pytest.approx((4 * SIZE * SIZE + 3 * 1600) / 7e6)
    assert "33% dark" in str(report) and "B +3" in str(report)
    said = "\n".join(map(str, findings))
    assert "33% of its pictures are dark" in said and "blue is +3" in said


def test_check_keeps_no_pictures(data_dir):
    """Memory in use at the worst moment must not grow with the number of files."""
    photos = data_dir / "train_photo"
    fill(photos, range(7, 15), ".bmp", height=256, width=256)
    peaks = []
    for wanted in (8, 64):
        for i in range(15, 7 + wanted):
            (photos / f"{i:03d}.bmp").write_bytes(
                (photos / "007.bmp").read_bytes()[:-2] + i.to_bytes(2, "big")
            )
        files = found(data_dir)
        gc.collect()
        tracemalloc.start()
        check_training_files(files, image_size=SIZE, workers=2)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 14 * 256 * 256 * 3  # 56 were added; some are in work.


def test_few_pictures_get_a_warning(data_dir):
    _, findings, _ = check_training_files(found(data_dir), image_size=SIZE)
    assert [(finding.where, finding.reason) for finding in findings] == [
        ("photos", "only 7 pictures"),
        ("anime", "only 5 pictures"),
    ]


def test_files_that_are_no_pictures_are_named_in_one_line(data_dir, few_pictures_will_do):
    photos, style = data_dir / "train_photo", data_dir / "Hayao" / "style"
    for path in (photos / "a.txt", photos / "b.pdf", style / "film.MP4", style / "z.zip"):
        path.write_bytes(b"")
    files, (finding,), _ = check_training_files(found(data_dir), image_size=SIZE)
    assert len(files.photos) == 7 and len(files.anime) == 5
    assert (
        finding.reason == "4 files are no pictures and are left out (a.txt, b.pdf, film.MP4, ...)"
    )
    assert "cut videos into frames" in finding.remedy


def test_what_is_no_regular_file_is_named_and_never_waited_for(data_dir):
    photos = data_dir / "train_photo"
    os.mkfifo(photos / "pipe.png")
    (photos / "endless.png").symlink_to("/dev/zero")
    (photos / "terminal.jpg").symlink_to("/dev/tty")
    (photos / "folder.png").symlink_to(data_dir / "Hayao")  # Looked into, as all folders are.
    (photos / "gone.png").symlink_to(data_dir / "nowhere")
    (photos / "loop.png").symlink_to(photos / "loop.png")
    with pytest.raises(UserError) as error:
        check_training_files(found(data_dir), image_size=SIZE)
    said = {Path(finding.where).name: finding.reason for finding in error.value.findings}
    assert said == {
        "pipe.png": "not a regular file (a pipe)",
        "endless.png": "not a regular file (a device or terminal)",
        "terminal.jpg": "not a regular file (a device or terminal)",
        "gone.png": "No such file or directory",
        "loop.png": "Too many levels of symbolic links",
    }


def test_huge_pictures_are_refused_by_their_header(data_dir):
    for name in ("one", "two"):
        path = data_dir / "train_photo" / f"{name}.png"
        path.write_bytes(png_claiming(20_000, 20_000))
    with pytest.raises(UserError) as error:
        check_training_files(found(data_dir), image_size=SIZE)
    assert [finding.reason for finding in error.value.findings] == [
        "20000x20000, more than 100,000,000 pixels"
    ] * 2


def test_any_name_can_be_reported(data_dir):
    names = {
        b"not\xffutf8.png": r"not\xffutf8",
        b"new\nline.png": r"new\nline",
        b"\xe2\x80\xaegnp.exe.png": r"\u202egnp.exe",
        b"\x1b[31mred.png": r"\x1b[31mred",
    }
    for name in names:
        with open(os.path.join(os.fsencode(data_dir / "train_photo"), name), "wb") as file:
            file.write(b"not a picture")
    with pytest.raises(UserError) as error:
        check_training_files(found(data_dir), image_size=SIZE)
    lines = [str(finding) for finding in error.value.findings]
    assert len(lines) == 4 and all(line.isprintable() for line in lines)
    assert all(any(shown in line for line in lines) for shown in names.values())
