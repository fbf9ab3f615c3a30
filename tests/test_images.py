"""Files to arrays: every kind of file, upright; damaged ones named; the authors' arithmetic."""

import io
import json
import os

import numpy as np
import pytest
from bombs import png_claiming
from PIL import Image as PillowImage
from project import GOLDEN

from animegan_tf.images import (
    ImageError,
    authors_test_size,
    encode_image,
    find_images,
    gray_of,
    match_brightness,
    read_frames,
    read_gray,
    read_image,
    read_rgb,
    read_rgb_and_gray,
    reading,
    rescale,
    resize,
    to_float,
    to_uint8,
    write_gif,
    write_image,
)
from animegan_tf.opencv import cv2


def picture(height=24, width=40, seed=0):
    """Smooth colors with some detail, different in every corner."""
    rng = np.random.default_rng(seed)
    return resize(rng.integers(0, 256, (6, 8, 3), np.uint8), height, width)


def pillow_bytes(image, format, **options):
    encoded = io.BytesIO()
    image.save(encoded, format, **options)
    return encoded.getvalue()


def opencv_read(data, flag):
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), flag)
    return decoded[..., ::-1] if decoded.ndim == 3 else decoded


# Finding files


def test_find_images_in_nested_folders_with_any_extension(tmp_path):
    wanted = ["b.JPG", "a.jpeg", "sub/deeper/Ä ö.PNG", "sub/写真.webp", "z.TiFf"]
    for name in wanted + [".hidden.png", ".git/x.png", "notes.txt", "sub/png"]:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert find_images(tmp_path) == sorted(tmp_path / name for name in wanted)


def test_find_images_survives_a_link_in_a_circle(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.png").touch()
    os.symlink(tmp_path, tmp_path / "sub" / "loop")
    assert find_images(tmp_path) == [tmp_path / "sub" / "a.png"]


def test_find_images_of_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        find_images(tmp_path / "missing")


# Reading


@pytest.mark.parametrize("format", ["PNG", "JPEG", "BMP", "WEBP", "TIFF"])
def test_colors_are_those_that_opencv_reads(format):
    data = encode_image(picture(), format)
    np.testing.assert_array_equal(read_rgb(data), opencv_read(data, cv2.IMREAD_COLOR))


@pytest.mark.parametrize(
    "data",
    [
        encode_image(picture(64, 96), "PNG"),
        encode_image(picture(64, 96), "JPEG"),
        pillow_bytes(PillowImage.fromarray(picture(64, 96)), "JPEG", quality=60, subsampling=2),
        pillow_bytes(PillowImage.fromarray(picture(64, 96)), "JPEG", progressive=True),
        pillow_bytes(PillowImage.fromarray(picture(64, 96)).convert("L"), "PNG"),
        pillow_bytes(PillowImage.fromarray(picture(64, 96)).convert("L"), "JPEG"),
    ],
    ids=["png", "jpeg", "jpeg-420", "jpeg-progressive", "gray-png", "gray-jpeg"],
)
def test_gray_is_the_gray_that_opencv_reads(data):
    gray = opencv_read(data, cv2.IMREAD_GRAYSCALE)
    np.testing.assert_array_equal(read_gray(data), gray)
    rgb, beside = read_rgb_and_gray(data)
    np.testing.assert_array_equal(beside, gray)
    np.testing.assert_array_equal(rgb, read_rgb(data))


def test_gray_is_not_a_conversion_of_the_colors():
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    off = cv2.cvtColor(noise, cv2.COLOR_RGB2GRAY).astype(int) - gray_of(noise)
    assert set(np.unique(off)) == {0, 1} and 0.3 < off.mean() < 0.7


def test_paths_may_hold_any_letter(tmp_path):
    path = tmp_path / "Фото 写真 é.PNG"
    write_image(path, picture())
    np.testing.assert_array_equal(read_rgb(path), picture())
    np.testing.assert_array_equal(read_rgb(str(path)), picture())
    np.testing.assert_array_equal(read_gray(path), gray_of(picture()))


def test_alpha_is_kept_and_colors_below_it_too():
    alpha = gray_of(picture(seed=1))
    image = read_image(encode_image(picture(), "PNG", alpha))
    np.testing.assert_array_equal(image.rgb, picture())
    np.testing.assert_array_equal(image.alpha, alpha)
    assert read_image(encode_image(picture(), "PNG")).alpha is None
    assert read_image(encode_image(picture(), "JPEG", alpha)).alpha is None


def test_palette_with_and_without_transparency():
    rgb = np.repeat(np.repeat(picture(2, 4), 8, axis=0), 8, axis=1)
    palette = PillowImage.fromarray(rgb).quantize(16)
    assert palette.mode == "P"
    expected = np.array(palette.convert("RGB"))
    data = pillow_bytes(palette, "PNG")
    np.testing.assert_array_equal(read_rgb(data), expected)
    assert read_image(data).alpha is None
    index = palette.getpixel((0, 0))
    image = read_image(pillow_bytes(palette, "PNG", transparency=index))
    np.testing.assert_array_equal(image.alpha == 0, np.array(palette) == index)


def test_gray_files_have_three_equal_channels():
    gray = gray_of(picture())
    rgb = read_rgb(encode_image(gray, "PNG"))
    np.testing.assert_array_equal(rgb, np.repeat(gray[..., None], 3, axis=-1))


def test_gray_with_alpha():
    gray = np.dstack([gray_of(picture()), gray_of(picture(seed=1))])
    image = read_image(pillow_bytes(PillowImage.fromarray(gray, "LA"), "PNG"))
    np.testing.assert_array_equal(image.rgb[..., 1], gray[..., 0])
    np.testing.assert_array_equal(image.alpha, gray[..., 1])


@pytest.mark.parametrize("extension", [".png", ".tiff"])
def test_sixteen_bits_are_scaled_not_clipped(extension):
    rgb = picture()
    deep = rgb.astype(np.uint16) * 256 + 77
    data = cv2.imencode(extension, deep[..., ::-1])[1].tobytes()
    np.testing.assert_array_equal(read_rgb(data), rgb)
    data = cv2.imencode(extension, deep[..., 0])[1].tobytes()
    np.testing.assert_array_equal(read_rgb(data), np.repeat(rgb[..., :1], 3, axis=-1))
    np.testing.assert_array_equal(read_gray(data), rgb[..., 0])


def test_cmyk_is_not_inverted_and_loses_its_profile():
    cmyk = PillowImage.fromarray(picture()).convert("CMYK")
    data = pillow_bytes(cmyk, "JPEG", quality=95, icc_profile=b"\0" * 16 + b"CMYK" + b"\0" * 108)
    image = read_image(data)
    assert np.abs(image.rgb.astype(int) - picture()).mean() < 4
    assert image.icc_profile is None
    np.testing.assert_array_equal(read_gray(data), gray_of(image.rgb))


def test_color_profile_goes_along(tmp_path):
    profile = b"\0" * 16 + b"RGB " + b"\0" * 108
    for extension in (".png", ".jpg", ".webp", ".tif"):
        write_image(tmp_path / f"a{extension}", picture(), icc_profile=profile)
        assert read_image(tmp_path / f"a{extension}").icc_profile == profile


def upside(rgb, orientation):
    """How a camera stores an upright picture under an EXIF orientation."""
    return {
        1: rgb,
        2: rgb[:, ::-1],
        3: rgb[::-1, ::-1],
        4: rgb[::-1],
        5: rgb.swapaxes(0, 1),
        6: np.rot90(rgb),
        7: rgb[::-1, ::-1].swapaxes(0, 1),
        8: np.rot90(rgb, -1),
    }[orientation]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation(orientation):
    exif = PillowImage.Exif()
    exif[0x0112] = orientation
    stored = PillowImage.fromarray(np.ascontiguousarray(upside(picture(), orientation)))
    png = pillow_bytes(stored, "PNG", exif=exif)
    np.testing.assert_array_equal(read_rgb(png), picture())
    np.testing.assert_array_equal(read_gray(png), gray_of(picture()))
    jpeg = pillow_bytes(stored, "JPEG", quality=95, exif=exif)
    np.testing.assert_array_equal(read_rgb(jpeg), opencv_read(jpeg, cv2.IMREAD_COLOR))
    np.testing.assert_array_equal(read_gray(jpeg), opencv_read(jpeg, cv2.IMREAD_GRAYSCALE))
    assert read_gray(jpeg).shape == (24, 40)


def test_broken_exif_does_not_spoil_a_picture():
    data = pillow_bytes(PillowImage.fromarray(picture()), "JPEG", exif=b"Exif\0\0nonsense" * 3)
    assert read_rgb(data).shape == (24, 40, 3)


def test_animation_counts_as_its_first_frame(tmp_path):
    black, white = np.zeros((16, 16, 3), np.uint8), np.full((16, 16, 3), 255, np.uint8)
    write_gif(tmp_path / "a.gif", [black, white], 100)
    np.testing.assert_array_equal(read_rgb(tmp_path / "a.gif"), black)


# Damaged files


def check_refused(path, reason):
    for read in (read_image, read_gray, read_rgb_and_gray, read_frames):
        with pytest.raises(ImageError, match=reason) as caught:
            read(path)
        assert caught.value.path == str(path) and str(path) in str(caught.value)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "BMP"])
def test_truncated_files_are_refused(tmp_path, format):
    path = tmp_path / "cut.jpg"
    data = encode_image(picture(64, 64), format)
    path.write_bytes(data[: len(data) * 2 // 3])
    check_refused(path, "truncated|damaged|not a picture")


def test_what_is_no_picture_is_refused(tmp_path):
    path = tmp_path / "note.jpg"
    path.write_text("not a picture at all")
    check_refused(path, "not a picture")
    path.write_bytes(b"")
    check_refused(path, "empty")
    check_refused(tmp_path / "missing.png", "No such file")
    (tmp_path / "folder.png").mkdir()
    check_refused(tmp_path / "folder.png", "directory")
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    check_refused(path, "not a picture")
    path.write_bytes(pillow_bytes(PillowImage.fromarray(np.ones((9, 9), np.float32)), "TIFF"))
    check_refused(path, "floating-point")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [20_001, 100_000])
def test_absurd_sizes_are_refused_before_decoding(side):
    with pytest.raises(ImageError, match="400,000,000 pixels"):
        read_image(png_claiming(side, side))


@pytest.mark.filterwarnings("error::PIL.Image.DecompressionBombWarning")
def test_two_hundred_megapixels_are_no_bomb():
    with pytest.raises(ImageError, match="truncated"):  # By its content, not by its size.
        read_image(png_claiming(20_000, 10_000))


def test_memory_errors_are_not_called_damage(monkeypatch):
    def exhausted(*_):
        raise MemoryError

    monkeypatch.setattr(reading, "_to_image", exhausted)
    with pytest.raises(MemoryError):
        read_image(encode_image(picture(), "PNG"))


# Writing


@pytest.mark.parametrize("name", ["a.png", "b.BMP", "c.tiff", "d.TIF"])
def test_lossless_formats_return_the_bytes(tmp_path, name):
    write_image(tmp_path / name, picture())
    np.testing.assert_array_equal(read_rgb(tmp_path / name), picture())
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize("name", ["a.jpg", "b.JPEG", "c.webp"])
def test_lossy_formats_come_close(tmp_path, name):
    write_image(tmp_path / name, picture(64, 64))
    error = np.abs(read_rgb(tmp_path / name).astype(int) - picture(64, 64))
    assert error.mean() < 3
    write_image(tmp_path / f"low{name}", picture(64, 64), quality=20)
    assert (tmp_path / f"low{name}").stat().st_size < (tmp_path / name).stat().st_size


def test_a_failed_write_leaves_the_earlier_file(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    write_image(path, picture())

    def full_disk(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full_disk)
    with pytest.raises(OSError, match="No space"):
        write_image(path, picture(seed=1))
    np.testing.assert_array_equal(read_rgb(path), picture())
    assert os.listdir(tmp_path) == ["a.png"]


def test_unwritable_kinds_are_named():
    with pytest.raises(ValueError, match=r"cannot write \.xyz; use one of .*\.png"):
        write_image("a.xyz", picture())
    with pytest.raises(ValueError, match="without an extension"):
        write_image("a", picture())
    with pytest.raises(ValueError, match="'PDF'"):
        encode_image(picture(), "PDF")
    with pytest.raises(ValueError, match="65500"):
        encode_image(np.zeros((2, 65501, 3), np.uint8), "JPEG")


# Animations


def test_gif_round_trip(tmp_path):
    colors = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    frames = [np.full((12, 20, 3), color, np.uint8) for color in colors]
    path = tmp_path / "a.gif"
    write_gif(path, frames, [100, 250, 1000], loop=3)
    again, durations, loop = read_frames(path)
    assert durations == [100, 250, 1000] and loop == 3
    np.testing.assert_array_equal(again, frames)
    write_gif(path, frames, 50, loop=None)
    assert read_frames(path)[1:] == ([50, 50, 50], None)
    write_gif(path, frames, 50)
    assert read_frames(path)[2] == 0
    assert os.listdir(tmp_path) == ["a.gif"]


def test_gif_keeps_transparency(tmp_path):
    frames = []
    for shift in range(3):
        frame = np.zeros((16, 16, 4), np.uint8)
        frame[4:8, 4 * shift : 4 * shift + 4] = (200, 40, 40, 255)
        frames.append(frame)
    write_gif(tmp_path / "a.gif", frames, 100)
    again, _, _ = read_frames(tmp_path / "a.gif")
    assert len(again) == 3
    for frame, expected in zip(again, frames):
        np.testing.assert_array_equal(frame[..., 3], expected[..., 3])
        visible = expected[..., 3] > 0
        np.testing.assert_array_equal(frame[visible], expected[visible])


def test_animated_webp_and_a_still_picture():
    frames = [PillowImage.fromarray(picture(seed=seed)) for seed in range(3)]
    data = pillow_bytes(
        frames[0], "WEBP", save_all=True, append_images=frames[1:], duration=80, lossless=True
    )
    again, durations, _ = read_frames(data)
    np.testing.assert_array_equal(again, [picture(seed=seed) for seed in range(3)])
    assert durations == [80, 80, 80]
    again, durations, loop = read_frames(encode_image(picture(), "PNG"))
    np.testing.assert_array_equal(again, [picture()])
    assert (durations, loop) == ([0], None)


def test_gif_needs_frames_and_fitting_durations(tmp_path):
    with pytest.raises(ValueError, match="at least one"):
        write_gif(tmp_path / "a.gif", [], 50)
    with pytest.raises(ValueError, match="1 frames, but 2 durations"):
        write_gif(tmp_path / "a.gif", [picture()], [50, 50])


# Arithmetic


def test_saving_is_the_authors():
    with np.load(GOLDEN / "brightness.npz") as golden:
        np.testing.assert_array_equal(to_uint8(golden["save_in"]), golden["save_out_u8"])


def test_brightness_is_the_authors():
    with np.load(GOLDEN / "brightness.npz") as golden:
        matched = match_brightness(golden["photo_rgb"], golden["generated_rgb"])
        np.testing.assert_array_equal(matched, golden["adjusted_rgb"])


def test_brightness_of_a_black_picture_stays():
    black = np.zeros((4, 4, 3), np.uint8)
    np.testing.assert_array_equal(match_brightness(picture(4, 4), black), black)


def test_sizes_of_test_photos_are_the_authors():
    for record in json.loads((GOLDEN / "preprocessing_sizes.json").read_text()):
        size = authors_test_size(record["in_h"], record["in_w"])
        assert size == (record["out_h"], record["out_w"]), record


def test_resize_of_test_photos_is_the_authors():
    with np.load(GOLDEN / "preprocessing.npz") as golden:
        first = resize(golden["in_291x343"].astype(np.float32), *authors_test_size(291, 343))
        first = first / 127.5 - 1
        np.testing.assert_allclose(first[:64, :64], golden["out_288x320_topleft64"], atol=1e-4)
        np.testing.assert_allclose(
            first[-64:, -64:], golden["out_288x320_bottomright64"], atol=1e-4
        )
        second = resize(golden["in_100x50"].astype(np.float32), *authors_test_size(100, 50))
        second = second / 127.5 - 1
        np.testing.assert_allclose(second[:64, :64], golden["out_256x256_crop"], atol=1e-4)
        np.testing.assert_allclose(
            [first.mean(dtype=np.float64), second.mean(dtype=np.float64)],
            [golden["out_288x320_mean"], golden["out_256x256_mean"]],
            atol=1e-6,
        )


def test_float_and_back():
    everything = np.arange(256, dtype=np.uint8)
    values = to_float(everything)
    assert values.dtype == np.float32 and values[0] == -1 and values[-1] == 1
    np.testing.assert_array_equal(values, everything.astype(np.float32) / 127.5 - 1)
    assert everything[200] == 200  # The argument is not written to.
    assert np.abs(to_uint8(values).astype(int) - everything).max() <= 1  # Truncation.
    np.testing.assert_array_equal(to_uint8(np.array([-3.0, 3.0])), [0, 255])


def test_resize_keeps_the_number_of_axes():
    assert resize(picture()[..., 0], 7, 9).shape == (7, 9)
    assert resize(picture()[..., :1], 7, 9).shape == (7, 9, 1)
    assert resize(picture(), 7, 9).shape == (7, 9, 3)


def test_rescale_does_not_alias():
    stripes = np.zeros((64, 64), np.uint8)
    stripes[:, ::4] = 255
    assert np.ptp(rescale(stripes, 16, 16)) == 0  # Each pixel the mean of four columns.
    assert np.ptp(resize(stripes, 24, 24)) > 100
    same = picture()
    assert rescale(same, 24, 40) is same
    np.testing.assert_array_equal(rescale(same, 16, 30), resize(same, 16, 30))
