import json
import subprocess
import sys

import bench_training
import harness
import numpy as np
import pytest
import tensorflow as tf
from plain import PlainTrainingState, smooth_edges_by_pixel
from project import ROOT

from animegan_tf.data.drawn import draw_anime
from animegan_tf.data.edges import smooth_edges
from animegan_tf.images import gray_of
from animegan_tf.networks.perceptual import build_vgg19
from animegan_tf.training.config import LossWeights, TrainConfig
from animegan_tf.training.steps import TrainingState


def test_the_loop_over_pixels_gives_the_same_bytes():
    rgb = draw_anime(np.random.default_rng(0), 96, 64)
    gray = gray_of(rgb)
    expected = smooth_edges_by_pixel(rgb, gray)
    assert (expected != rgb).any()
    np.testing.assert_array_equal(smooth_edges(rgb, gray), expected)


def test_the_plain_step_has_the_same_losses_and_trains_both_networks(eagerly):
    # Without the term that depends on the spectral vectors, which the plain step moves more often.
    config = TrainConfig(width=8, loss_weights=LossWeights(generator_adversarial_weight=0.0))
    batch = {
        name: tf.random.stateless_uniform((2, 32, 32, 3), (i, i), -1, 1)
        for i, name in enumerate(("photo", "anime", "gray", "edge_gray"))
    }
    vgg19 = build_vgg19("random", width=8)
    ours, plain = TrainingState.from_config(config, vgg19), PlainTrainingState(config, vgg19)
    before = [model.get_weights() for model in (plain.generator, plain.discriminator)]
    found, expected = plain.train_step(batch), ours.train_step(batch)
    np.testing.assert_allclose(found["generator"], expected["generator"], rtol=1e-4)
    for model, weights in zip((plain.generator, plain.discriminator), before):
        assert all((a != b).any() for a, b in zip(model.get_weights(), weights))


def test_step_operations_count_every_pass():
    state = TrainingState.from_config(TrainConfig(width=8), build_vgg19("random", width=8))
    forward = bench_training.measure(state.discriminator, bench_training.SIZE).flops
    operations = bench_training.step_operations(state)
    assert operations > bench_training.BATCH * 14 * forward


def test_torch_rival_is_the_same_network():
    torch = pytest.importorskip("torch", reason="a rival of the benchmarks only")
    import torch_rival

    assert sum(p.numel() for p in torch_rival.generator().parameters()) == 3_956_096
    assert sum(p.numel() for p in torch_rival.discriminator().parameters()) == 1_128_800
    step = torch_rival.TrainStep(8)
    assert np.isfinite(step(*torch.rand(4, 2, 3, 32, 32)))


def test_rows_say_whether_the_goal_is_met():
    row = harness.compare("a", "b", [1.0, 2.0, 3.0], [2.0, 2.0, 2.0], 1.0)
    assert (row.best, row.median, row.met) == (0.5, 1.0, "yes")
    assert harness.Row("a", "b", 1, 0.9, 0.95, higher=True).met == "no"
    assert harness.Row("a", "b", reach=1, missing="not installed").met == ""


def test_run_program_measures_memory_and_reports_failure():
    seconds, peak = harness.run_program("-c", "data = b'x' * 50_000_000")
    assert seconds > 0 and 50e6 < peak < 2e9
    with pytest.raises(RuntimeError, match="no such thing"):
        harness.run_program("-c", "raise SystemExit('no such thing')")


def test_an_unknown_group_is_refused(tmp_path):
    result = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "run.py", "--groups=x", f"--output={tmp_path}"],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 2 and "no such group" in result.stderr


def test_results_are_kept_by_group(tmp_path):
    import run

    rows = [harness.Row("a", "b", 0.5, 0.6, 0.7).__dict__]
    results = {
        "groups": {
            "data": {
                "date": "2026-01-01",
                "processor": "p",
                "threads": 2,
                "python": "3",
                "weights": "random",
                "packages": {"x": "1"},
                "rows": rows,
            }
        }
    }
    (tmp_path / "results.json").write_text(json.dumps(results))
    text = run.as_markdown(run.read_results(tmp_path / "results.json"))
    assert "| a | b | 0.6 | 0.5 | <= 0.7 | yes |" in text


@pytest.mark.parametrize("name", ["pictures", "videos", "models", "checkpoints", "settings"])
def test_the_fuzzer_reads_what_it_begins_with_and_refuses_what_is_cut(name):
    import fuzz

    if name == "videos":
        pytest.importorskip("av")
    reader = fuzz.READERS[name]
    corpus = reader.corpus()
    for data in corpus:
        reader.read(data)
    with pytest.raises(reader.errors):
        reader.read(corpus[0][: len(corpus[0]) // 3])
