"""The work of `animegan web`; its flags are in `web_flags`."""

from __future__ import annotations

import contextlib
import functools
from pathlib import Path

from animegan_tf import styles
from animegan_tf.cli.export_command import CHECK_PHOTOS, working_folder
from animegan_tf.cli.web_flags import FLAGS
from animegan_tf.cli.web_server import page_server
from animegan_tf.errors import Finding, UserError, check_all
from animegan_tf.exporting import onnx, web
from animegan_tf.exporting.parity import Reference, check, replace_folder, size_on_disk
from animegan_tf.exporting.photos import drawn_photos
from animegan_tf.networks.colors import with_fitted_colors
from animegan_tf.networks.generator import width_of
from animegan_tf.networks.loading import find_weights, read_model


def main(arguments: list[str]) -> int:
    """Builds the page, and serves it where that is asked for."""
    output = Path(FLAGS.output)
    found, *_ = check_all(
        find_generators,
        onnx.check_onnx_installed,
        web.check_web,
        functools.partial(web.check_page_folder, output),
    )
    if FLAGS.serve:
        server = open_port()
    with working_folder(output.parent) as folder:
        page = folder / "page"
        page.mkdir()
        photos = drawn_photos(CHECK_PHOTOS)
        web.build_page([export_style(name, files, page, photos) for name, files in found], page)
        replace_folder(page, output)
    print(f"The page is {output}: {size_on_disk(output) / 1e6:.0f} MB for any static host")
    if FLAGS.serve:
        serve(server)
    return 0


def find_generators():
    """(name, files with weights from the best to the lightest) for each style."""
    names = FLAGS.styles or styles.shipped()
    if not names:
        raise UserError(Finding("--styles", "no style comes with this copy", "Name one"))
    return check_all(*(functools.partial(find_generators_of, name) for name in names))


def find_generators_of(name):
    paths = [styles.find_style(name)[0]]
    if styles.card_of_file(paths[0]) and styles.has_light(name):
        paths.append(styles.path_of(name, light=True))
    return name.lower(), [find_weights(str(path)) for path in paths]


def export_style(name, files, page, photos):
    """Writes a style's networks into the page, each compared with the Keras model."""
    networks = {}
    for file in files:
        generator = read_model(file)
        if styles.options_of(file.path).get("fit_colors"):
            generator = with_fitted_colors(generator)
        artifact = web.export_network(generator, name, page)
        checked = check(artifact, Reference(generator), photos)
        for row in checked.measured:
            print(f"{artifact.destination.name}: PSNR {row.difference.psnr:.1f} dB", flush=True)
        if not checked.holds:
            raise UserError(
                Finding(
                    str(file.path),
                    f"its page file differs from the Keras model by more than {artifact.limit}",
                    "Report it: float16 weights do not suffice for this generator",
                )
            )
        networks[artifact.path] = width_of(generator)
    return web.PageStyle(name, networks, styles.card_of_file(files[0].path))


def open_port():
    try:
        return page_server(Path(FLAGS.output), FLAGS.port)
    except OSError as error:
        raise UserError(
            Finding(f"--port={FLAGS.port}", error.strerror or str(error), "Give another one")
        ) from error


def serve(server):
    print(f"http://127.0.0.1:{server.server_port}/ (Ctrl-C ends it)", flush=True)
    with contextlib.closing(server), contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()
