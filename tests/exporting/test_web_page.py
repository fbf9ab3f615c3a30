"""The built page in a real browser. Needs Chromium, and `npm ci` in web/; ANIMEGAN_BROWSER=required
makes a failure of what is missing, instead of a skip."""

import base64
import contextlib
import functools
import http.server
import io
import os
import threading
import time

import numpy as np
import pytest
from browser import Browser, find_chromium
from PIL import Image
from project import ROOT

from animegan_tf import Stylizer, styles
from animegan_tf.cli.web_server import page_server
from animegan_tf.data.scenery import draw_photo
from animegan_tf.errors import UserError
from animegan_tf.exporting import onnx
from animegan_tf.networks.keras_file import save_generator
from animegan_tf.networks.loading import find_weights, read_model

PACKAGES = ROOT / "web" / "node_modules"
SIZES = ((97, 131), (64, 64), (33, 250), (7, 5), (201, 102))
"""Height and width of photos, most of them no multiple of four."""
STATUS = "document.getElementById('status').textContent"
ERROR = "document.getElementById('error').textContent"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><circle r="4"/></svg>'


def needed(thing, remedy):
    """What to give a test that needs something; says what is missing."""
    if not thing:
        required = os.environ.get("ANIMEGAN_BROWSER") == "required"
        (pytest.fail if required else pytest.skip)(remedy)
    return thing


def needs_what_builds_a_page():
    needed(PACKAGES.is_dir(), "no packages of the page: run npm ci in web/")
    try:
        onnx.check_onnx_installed()
    except UserError as error:  # An extra: never required.
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    program = needed(find_chromium(), "no Chromium here")
    browser = Browser(program, tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def half_generator_file(generator_file, tmp_path_factory):
    """A generator whose weights float16 can hold, as the page stores them."""
    generator = read_model(find_weights(generator_file))
    generator.set_weights([w.astype(np.float16) for w in generator.get_weights()])
    path = tmp_path_factory.mktemp("half") / "generator.keras"
    save_generator(generator, path)
    return path


@pytest.fixture(scope="module")
def page_folder(command, half_generator_file, tmp_path_factory):
    needs_what_builds_a_page()
    folder = tmp_path_factory.mktemp("export")
    done = command("export", "--model", half_generator_file, "--web", "--output", folder)
    assert done.status == 0, done.stderr
    return folder / "web"


@pytest.fixture(scope="module")
def address(page_folder):
    with served(page_server(page_folder, 0)) as address:
        yield address


@contextlib.contextmanager
def served(server):
    """The address of a server that runs meanwhile."""
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def page(browser, address):
    browser.events.clear()
    with browser.tab(address) as tab:
        tab.wait("document.documentElement.dataset.ready")
        yield tab


@pytest.fixture(scope="module")
def stylizer(half_generator_file):
    return Stylizer.load(half_generator_file)


def photo_of(height, width, seed=0):
    return draw_photo(np.random.default_rng(seed), max(height, 64), max(width, 64))[:height, :width]


def file_of(path, pixels):
    Image.fromarray(pixels).save(path)
    return path


def paint(page, path):
    """Gives the page a file and waits; what it says, or its error."""
    page.run(f"({STATUS.replace('textContent', 'textContent = String()')}, 0)")
    page.run("document.getElementById('error').textContent = ''")
    page.choose_file("#file", path)
    return page.wait(f"{ERROR} || (/Done/.test({STATUS}) && {STATUS})")


def shown(page, canvas="after"):
    """The pixels of a canvas, RGB."""
    address = page.run(f"document.getElementById('{canvas}').toDataURL()")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.split(",")[1]))))[..., :3]


def assert_same(found, expected):
    """Equal within 1 gray level in the mean and 3 at the 99.9th percentile."""
    assert found.shape == expected.shape
    apart = np.abs(found.astype(int) - expected)
    assert apart.mean() <= 1 and np.percentile(apart, 99.9) <= 3, (apart.mean(), apart.max())


def set_controls(page, strength, keep_color):
    page.run(
        f"for (const [id, key, value] of [['strength', 'value', {100 * strength}],"
        f" ['keep-color', 'checked', {'true' if keep_color else 'false'}]]) {{"
        " const control = document.getElementById(id); control[key] = value;"
        " control.dispatchEvent(new Event('input')); }"
    )


def test_a_picture_is_what_the_stylizer_makes_of_it(page, stylizer, tmp_path):
    for height, width in SIZES:
        photo = photo_of(height, width)
        said = paint(page, file_of(tmp_path / f"{height}.png", photo))
        assert said == f"Done, at its own size of {width}x{height}."
        assert_same(shown(page), stylizer(photo))
        assert_same(shown(page, "before"), photo)
        for options in (dict(strength=0.6, keep_color=False), dict(strength=1, keep_color=True)):
            set_controls(page, **options)
            assert_same(shown(page), stylizer(photo, **options))
        set_controls(page, 1, False)


@pytest.mark.slow
def test_a_shipped_style_is_what_the_stylizer_makes_of_it(browser, command, tmp_path):
    needs_what_builds_a_page()
    light = styles.path_of(styles.DEFAULT, light=True)
    done = command("export", "--model", light, "--web", "--output", tmp_path)
    assert done.status == 0, done.stderr
    stylizer = Stylizer.load(light)
    with served(page_server(tmp_path / "web", 0)) as address, browser.tab(address) as page:
        page.wait("document.documentElement.dataset.ready")
        for seed, (height, width) in enumerate(((97, 131), (130, 250), (201, 102))):
            photo = photo_of(height, width, seed)
            paint(page, file_of(tmp_path / "photo.png", photo))
            assert_same(shown(page), stylizer(photo))


def test_nothing_leaves_the_origin(page, browser, address, tmp_path):
    paint(page, file_of(tmp_path / "photo.png", photo_of(64, 64)))
    requests = [
        event["params"]["request"]["url"]
        for event in browser.events
        if event.get("method") == "Network.requestWillBeSent"
    ]
    assert any(url.endswith(".onnx") for url in requests)  # The workers' are among them.
    for url in requests:
        assert url.startswith((address, "blob:", "data:")), url
    blocked = "fetch('http://127.0.0.2/').then(() => 'sent', () => 'blocked')"
    assert page.run(blocked) == "blocked"


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.jpg", b"", "is empty: it has 0 bytes"),
        ("broken.jpg", b"\xff\xd8\xff\xe0" + bytes(500), "it is damaged"),
        ("drawing.svg", SVG, "An SVG is a drawing"),
        ("phone.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(500), "can't read HEIC"),
        ("notes.txt", b"no picture", "not a picture or a video"),
        ("film.mp4", b"no film", "can't read this video"),
    ],
)
def test_a_file_that_is_no_photo_is_refused_by_name(page, tmp_path, name, content, reason):
    path = tmp_path / name
    path.write_bytes(content)
    said = paint(page, path)
    assert reason in said and name in said, said
    assert paint(page, file_of(tmp_path / "good.png", photo_of(64, 64))).startswith("Done")


def test_of_an_animation_the_first_frame_is_taken(page, tmp_path):
    frames = [Image.fromarray(photo_of(32, 40, seed)) for seed in range(3)]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    assert paint(page, tmp_path / "moving.gif").startswith("An animation: only its first frame")
    assert shown(page).shape == (32, 40, 3)


def test_a_large_photo_is_painted_smaller_and_saved_at_its_own_size(page, browser, tmp_path):
    page.run("document.getElementById('side').value = 256")
    page.run("document.getElementById('side').dispatchEvent(new Event('change'))")
    photo = np.asarray(Image.fromarray(photo_of(300, 400)).resize((4000, 3000)))
    said = paint(page, file_of(tmp_path / "large.jpg", photo))
    assert said == "Done. Painted at 256x192; saved at its own size of 4000x3000, enlarged."
    saved = save(page, browser, tmp_path)
    assert saved.name == "large-generator.jpg"
    assert Image.open(saved).size == (4000, 3000)


def save(page, browser, folder):
    """Presses the button; the file that comes."""
    downloads = folder / "downloads"
    browser.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(downloads))
    page.run("document.getElementById('save').click()")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        files = [p for p in downloads.glob("*") if not p.name.endswith(".crdownload")]
        if files and files[0].stat().st_size:
            return files[0]
        time.sleep(0.1)
    raise AssertionError("nothing was saved")


@pytest.mark.parametrize("event", ["paste", "drop"])
def test_a_picture_can_be_pasted_and_dropped(page, event):
    page.run(
        "new Promise((done) => { const canvas = new OffscreenCanvas(24, 16);"
        " canvas.getContext('2d').fillRect(2, 2, 9, 9); canvas.convertToBlob().then((blob) => {"
        " const data = new DataTransfer();"
        " data.items.add(new File([blob], 'some.png', {type: 'image/png'}));"
        f" const Kind = {'ClipboardEvent' if event == 'paste' else 'DragEvent'};"
        f" const key = '{'clipboardData' if event == 'paste' else 'dataTransfer'}';"
        f" dispatchEvent(new Kind('{event}', {{[key]: data}})); done(); }}); }})"
    )
    assert page.wait(f"/Done/.test({STATUS}) && {STATUS}") == "Done, at its own size of 24x16."


def test_the_camera_is_painted_live_and_takes_a_picture(page):
    page.run("document.getElementById('camera').click()")
    page.wait("/Live at .* pictures a second/.test(document.getElementById('caption').textContent)")
    assert shown(page, "before").std() > 10  # The fake camera's green, with a moving clock.
    page.run("document.getElementById('snap').click()")
    assert "1280x720" in page.wait(f"/Done/.test({STATUS}) && {STATUS}")
    assert page.run("document.getElementById('source').srcObject") is None  # It is off.


def test_a_video_is_painted_frame_by_frame(page, browser, tmp_path):
    av = pytest.importorskip("av")
    with av.open(str(tmp_path / "film.webm"), "w") as film:
        stream = film.add_stream("vp8", rate=5, width=65, height=48, pix_fmt="yuv420p")
        for seed in range(6):
            frame = av.VideoFrame.from_ndarray(photo_of(48, 65, seed), format="rgb24")
            film.mux(stream.encode(frame))
        film.mux(stream.encode())
    assert paint(page, tmp_path / "film.webm").startswith("Done: 6 frames.")
    saved = save(page, browser, tmp_path)
    with av.open(str(saved)) as film:
        frames = list(film.decode(video=0))
    assert len(frames) == 6 and (frames[0].width, frames[0].height) == (64, 48)
    assert float(frames[-1].time) == pytest.approx(1.0, abs=0.02)


def renderer_memory(browser):
    """Bytes that the processes of pages hold."""
    pages = os.sysconf("SC_PAGE_SIZE")
    processes = browser.call("SystemInfo.getProcessInfo")["processInfo"]
    return sum(
        int(open(f"/proc/{process['id']}/statm").read().split()[1]) * pages
        for process in processes
        if process["type"] == "renderer"
    )


@pytest.mark.slow
def test_memory_stays_flat_over_fifty_pictures(page, browser, tmp_path):
    path = file_of(tmp_path / "photo.png", photo_of(300, 400))
    held = []
    for count in range(50):
        paint(page, path)
        if count in (9, 49):
            page.call("HeapProfiler.collectGarbage")
            held.append(renderer_memory(browser))
    assert held[1] - held[0] < 30e6, held


def test_there_are_no_findings_of_axe(page, tmp_path):
    axe = needed(PACKAGES / "axe-core" / "axe.min.js", "no axe-core").read_text(encoding="utf-8")
    for width in (390, 1280):
        page.resize(width, 844)
        for painted in (False, True):
            if painted:
                paint(page, file_of(tmp_path / "photo.png", photo_of(64, 64)))
            page.run(f"{axe}; 0")
            found = page.run("axe.run().then(({violations}) => violations.map(v => v.id))")
            assert found == []
        assert page.run("document.documentElement.scrollWidth") <= width


def test_webgpu_that_fails_gives_way_to_the_processor_and_says_so(browser, address, tmp_path):
    with browser.tab(f"{address}?device=webgpu") as page:
        page.wait("document.documentElement.dataset.ready")
        assert paint(page, file_of(tmp_path / "photo.png", photo_of(32, 32))).startswith("Done")
        assert "WebGPU failed" in page.run("document.getElementById('runs-on').textContent")


def test_a_plain_host_gets_threads_and_works_offline_once_loaded(
    browser, page_folder, stylizer, tmp_path
):
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(page_folder))
    handler.func.log_message = lambda *_: None
    photo = photo_of(40, 48)
    path = file_of(tmp_path / "photo.png", photo)
    with contextlib.ExitStack() as stack:
        with served(http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)) as address:
            page = stack.enter_context(browser.tab(address))
            page.wait("crossOriginIsolated && document.documentElement.dataset.ready")
            assert paint(page, path).startswith("Done")
        page.call("Page.reload")
        page.wait("document.documentElement.dataset.ready")
        assert paint(page, path).startswith("Done")
        assert_same(shown(page), stylizer(photo))
