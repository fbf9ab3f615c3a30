"""Building and serving the page, without a browser."""

import http.client
import json
import threading

import pytest
from project import ROOT

from animegan_tf.cli.web_server import HEADERS, page_server
from animegan_tf.errors import UserError
from animegan_tf.exporting import npm_packages, onnx, web
from animegan_tf.exporting.parity import FLOAT16, check, replace_folder


@pytest.fixture
def needs_onnx():
    try:
        onnx.check_onnx_installed()
    except UserError as error:
        pytest.skip(str(error))


def test_a_network_of_the_page_has_half_the_size_and_the_same_results(
    needs_onnx, generator, reference, photos, tmp_path
):
    artifact = web.export_network(generator, "style", tmp_path)
    assert artifact.path == tmp_path / "models" / "style-8.onnx"
    checked = check(artifact, reference, photos)
    assert checked.holds and artifact.limit == FLOAT16
    assert checked.bytes < 0.6 * len(onnx.build_onnx(generator).SerializeToString())


def test_only_large_float_constants_are_halved(needs_onnx, generator):
    model = onnx.build_onnx(generator)
    kinds = {c.name: c.data_type for c in model.graph.initializer}
    web.store_weights_in_half(model)
    after = {c.name: c.data_type for c in model.graph.initializer}
    halved = {name.removesuffix("_half") for name in after if name.endswith("_half")}
    assert halved and {kinds[name] for name in halved} == {1}
    assert {name: kinds[name] for name in kinds.keys() - halved} == {
        name: kind for name, kind in after.items() if not name.endswith("_half")
    }


def test_the_page_needs_npm_unless_its_packages_are_there(monkeypatch, tmp_path):
    for name in ("package.json", "package-lock.json"):
        (tmp_path / name).write_bytes((ROOT / "web" / name).read_bytes())
    monkeypatch.setattr(npm_packages.shutil, "which", lambda name: None)
    with pytest.raises(UserError, match=r"npm: not found.*Node\.js 18"):
        npm_packages.check_npm(tmp_path)
    pinned = json.loads((tmp_path / "package.json").read_text())["dependencies"]
    for name, version in pinned.items():
        folder = tmp_path / "node_modules" / name
        folder.mkdir(parents=True)
        (folder / "package.json").write_text(json.dumps({"version": version}))
    npm_packages.check_npm(tmp_path)
    (folder / "package.json").write_text(json.dumps({"version": "0.0.1"}))
    with pytest.raises(UserError, match="npm"):
        npm_packages.check_npm(tmp_path)


def test_the_lock_file_pins_what_the_page_takes():
    package = json.loads((ROOT / "web" / "package.json").read_text())
    locked = json.loads((ROOT / "web" / "package-lock.json").read_text())["packages"]
    assert set(package["dependencies"]) == set(npm_packages.RUNTIME_FILES)
    for name, version in {**package["dependencies"], **package["devDependencies"]}.items():
        assert locked[f"node_modules/{name}"]["version"] == version


def test_every_source_of_the_page_is_copied():
    sources = {p.name for p in (ROOT / "web").iterdir() if p.is_file()}
    assert sources - {"package.json", "package-lock.json"} == set(web.FILES)


def test_a_folder_that_is_no_page_is_not_replaced(tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    with pytest.raises(UserError, match="not a page made here"):
        web.check_page_folder(mine)
    (mine / web.MANIFEST).write_text("{}")
    web.check_page_folder(mine)
    new = tmp_path / "working" / "page"
    new.mkdir(parents=True)
    (new / "index.html").write_text("new")
    replace_folder(new, mine)
    assert [path.name for path in mine.iterdir()] == ["index.html"]


def test_wrong_flags_of_web_are_refused_together(command, tmp_path):
    done = command("web", "--styles=nothing", f"--output={tmp_path}")
    assert done.status == 2
    assert "--style=nothing" in done.stderr and "not a page made here" in done.stderr


def test_the_server_sends_what_threads_need(tmp_path):
    (tmp_path / "some.mjs").write_text("1")
    server = page_server(tmp_path, 0)
    assert server.server_address[0] == "127.0.0.1"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port)
    connection.request("GET", "/some.mjs")
    answer = connection.getresponse()
    assert answer.status == 200 and answer.getheader("Content-Type") == "text/javascript"
    for name, value in HEADERS.items():
        assert answer.getheader(name) == value
    connection.close()
    server.shutdown()
    server.server_close()
