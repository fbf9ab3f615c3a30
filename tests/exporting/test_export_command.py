"""`animegan export` as a whole."""

import json
import os
import resource
import shutil
import signal

import pytest
import tensorflow as tf

from animegan_tf import save_generator
from animegan_tf.cli import export_command
from animegan_tf.runs import locked
from animegan_tf.training.config import TrainConfig


@pytest.fixture(scope="module")
def large_model(generator, tmp_path_factory):
    """The same pictures, but float16 can't hold the weights; a norm undoes their factor."""
    large = tf.keras.models.clone_model(generator)
    large.set_weights(generator.get_weights())
    (kernel,) = large.get_layer("b2_conv").get_weights()
    large.get_layer("b2_conv").set_weights([1e6 * kernel])
    path = tmp_path_factory.mktemp("model") / "large.keras"
    save_generator(large, path)
    return path


def test_the_command_puts_in_place_what_holds(command, large_model, tmp_path):
    args = ["--model", large_model, "--tflite", "--tflite_sizes=32"]
    precisions = ["--tflite_precision=float32", "--tflite_precision=float16"]
    done = command("export", *args, "--savedmodel", *precisions, folder=tmp_path)
    output = tmp_path / "exports" / "large"
    assert done.status == 1, done.stderr
    assert not done.stderr
    report = json.loads((output / "report.json").read_text(encoding="utf-8"))
    placed = {entry["path"]: entry["in_place"] for entry in report["artefacts"]}
    assert placed == {
        "savedmodel/1": True,
        "generator_float32_32.tflite": True,
        "generator_float16_32.tflite": False,
    }
    for path, in_place in placed.items():
        assert (output / path).exists() == in_place
        assert path in (output / "report.md").read_text(encoding="utf-8")
    assert (output / "serving" / "model.config").read_text().count('"large"') == 1
    assert f'source="{output}"' in report["serving_command"]
    assert not list(output.glob(".*"))

    args += ["--tflite_precision=float16", "--allow_lossy"]
    done = command("export", *args, folder=tmp_path)
    assert done.status == 0, done.stderr
    assert (output / "generator_float16_32.tflite").exists()
    text = (output / "report.md").read_text()
    assert "yes, over the limit (--allow_lossy)" in text and "NO" not in text
    assert "| savedmodel/1 |" in text and "docker run" in text


def test_the_command_reports_all_mistakes_at_once(command, tmp_path):
    (tmp_path / "empty").mkdir()
    done = command(
        "export",
        "--model=nowhere.keras",
        "--photos=empty",
        "--tflite_sizes=30,any",
        "--compare_models=gone.keras",
        "--savedmodel",
        "--tflite",
        folder=tmp_path,
    )
    assert done.status == 2
    for part in (
        "nowhere.keras: no such file",
        "--photos=empty: no picture in it",
        "--tflite_sizes=30,any",
        "gone.keras: no such file",
    ):
        assert part in done.stderr
    assert not (tmp_path / "exports").exists()


def test_flags_that_do_not_apply_are_refused(command, generator_file, tmp_path):
    done = command(
        "export",
        f"--model={generator_file}",
        "--savedmodel",
        "--tflite_io=uint8",
        "--calibration_photos=4",
        folder=tmp_path,
    )
    assert done.status == 2
    assert "--tflite_io: applies to --tflite, which is not written" in done.stderr
    assert "--calibration_photos: applies to --tflite, which is not written" in done.stderr
    args = ["--tflite", "--tflite_precision=float16", "--calibration_photos=4"]
    done = command("export", f"--model={generator_file}", *args, folder=tmp_path)
    assert done.status == 2
    assert "--calibration_photos: applies to int8 and dynamic_int8" in done.stderr
    assert not (tmp_path / "exports").exists()


def test_ctrl_c_ends_in_one_line_and_leaves_nothing_half_written(
    command, generator_file, tmp_path, monkeypatch
):
    def interrupted(generator, folder, output):
        (folder / "generator.onnx").write_bytes(b"half")
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(export_command.onnx, "check_onnx_installed", lambda: None)
    monkeypatch.setattr(export_command.onnx, "export_onnx", interrupted)
    done = command("export", f"--model={generator_file}", "--onnx", folder=tmp_path)
    assert done.status == 130
    assert done.stderr.split() and len(done.stderr.strip().splitlines()) == 1
    assert "nothing half-written is left; run it again" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("target", ["--savedmodel", "--tflite"])
def test_a_disk_that_fills_up_ends_in_one_line_and_leaves_nothing(
    command, generator_file, tmp_path, target
):
    """A limit on file sizes stands in for the full disk."""
    small = ["--tflite_sizes=32", "--tflite_precision=float32"] if target == "--tflite" else []
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limit[1]))
    try:
        done = command("export", f"--model={generator_file}", target, *small, folder=tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, ignored)
    assert done.status == 1
    assert len(done.stderr.splitlines()) == 1 and "File too large" in done.stderr, done.stderr
    assert "nothing half-written is left; run it again" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "flag",
    [
        "--tflite_sizes=100000",
        "--tflite_sizes=0",
        "--calibration_photos=1000000000",
        "--max_request_pixels=99999999999999999999",
    ],
)
def test_numbers_beyond_all_measure_are_refused(command, generator_file, tmp_path, flag):
    target = "--savedmodel" if "request" in flag else "--tflite"
    done = command("export", f"--model={generator_file}", target, flag, folder=tmp_path)
    assert done.status == 2 and flag[2:].split("=")[0] in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_disk_too_small_is_said_before_work(command, generator_file, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    targets = ("--savedmodel", "--tflite")
    done = command("export", f"--model={generator_file}", *targets, folder=tmp_path)
    assert done.status == 2
    assert "1 MB are free, and the exports need 2 MB. Make room" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_two_processes_do_not_export_into_one_folder(command, generator_file, tmp_path):
    """And what a killed one left behind is removed by the next."""
    left = tmp_path / "out" / ".exporting-abc"
    left.mkdir(parents=True)
    args = [f"--model={generator_file}", "--tflite", "--tflite_sizes=32"]
    args += ["--tflite_precision=float32", "--output=out"]
    with locked(tmp_path / "out"):
        done = command("export", *args, folder=tmp_path)
    assert done.status == 2 and left.exists()
    assert "out: another process is exporting in this folder. Wait for it" in done.stderr
    done = command("export", *args, folder=tmp_path)
    assert done.status == 0, done.stderr
    assert not list((tmp_path / "out").glob(".*"))


def test_an_output_that_is_no_folder_is_refused(command, generator_file, tmp_path):
    (tmp_path / "file").touch()
    model = f"--model={generator_file}"
    done = command("export", model, "--savedmodel", "--output=file/there", folder=tmp_path)
    assert done.status == 2
    assert "--output=file/there: Not a directory" in done.stderr


def test_what_has_been_exported_is_not_exported_again(command, tmp_path):
    (tmp_path / "a.tflite").write_bytes(b"\0\0\0\0TFL3")
    done = command("export", "--model=a.tflite", folder=tmp_path)
    assert done.status == 2
    assert "a.tflite: has been exported already" in done.stderr


def test_the_name_is_the_style_of_the_run(command, generator_file, tmp_path):
    """And without the run's data, photos are drawn."""
    run = tmp_path / "my run"
    (run / "generators").mkdir(parents=True)
    config = TrainConfig(style="Shinkai", data_dir=str(tmp_path / "gone"))
    (run / "config.json").write_text(config.to_json())
    model = run / "generators" / "epoch_0001.keras"
    model.write_bytes(generator_file.read_bytes())
    args = ["--tflite", "--tflite_sizes=32", "--tflite_precision=float32"]
    done = command("export", f"--model={model}", *args, folder=tmp_path)
    assert done.status == 0, done.stderr
    assert "checked on photos that the project draws" in done.stdout
    assert (tmp_path / "exports" / "shinkai" / "generator_float32_32.tflite").exists()
