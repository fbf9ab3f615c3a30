"""metrics.csv and the TensorBoard log."""

import json

import pytest

from animegan_tf.training.metrics import EpochMeans, MetricsLog, read_metrics


def test_metrics_log_drops_what_will_be_trained_anew(tmp_path):
    log = MetricsLog(tmp_path, up_to_step=0)
    for step in (1, 2, 3):
        log.write(step, {"pretrain": step / 3, "content": 0.1})
    log.close()
    with (tmp_path / "metrics.csv").open("a") as file:
        file.write("4,0.5,")  # A kill cut this row off.
    log = MetricsLog(tmp_path, up_to_step=2)
    log.write(3, {"pretrain": 9.0, "content": 0.2})
    log.close()
    rows = read_metrics(tmp_path / "metrics.csv")
    assert [(row["step"], row["pretrain"]) for row in rows] == [(1, 1 / 3), (2, 2 / 3), (3, 9.0)]


def write_three_rows(folder):
    log = MetricsLog(folder, up_to_step=0)
    for step in (1, 2, 3):
        log.write(step, {"pretrain": step / 3, "content": 0.1})
    log.close()
    return folder / "metrics.csv"


@pytest.mark.parametrize("cut", range(1, 40))
def test_a_file_cut_anywhere_gives_the_rows_before_the_cut(tmp_path, cut):
    path = write_three_rows(tmp_path)
    whole = read_metrics(path)
    path.write_bytes(path.read_bytes()[:-cut])
    assert read_metrics(path) == whole[: len(read_metrics(path))]
    MetricsLog(tmp_path, up_to_step=3).close()
    assert path.read_text().endswith("\n")


@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 100, b"\xff\xfe", b"a,b\n1,2\n", b"step,content\nx,1\n-1,2\n1.5,3\nnan,1\n"],
)
def test_junk_has_no_rows_and_stops_nothing(tmp_path, content):
    (tmp_path / "metrics.csv").write_bytes(content)
    assert read_metrics(tmp_path / "metrics.csv") == []
    MetricsLog(tmp_path, up_to_step=9).close()


def test_metrics_of_an_earlier_version_are_kept(tmp_path):
    (tmp_path / "metrics.csv").write_text("step,pretrain,content\n1,3.0,2.0\n")
    log = MetricsLog(tmp_path, up_to_step=1)
    log.write(2, {"content": 1.0}, {"content": 1.5})
    log.close()
    rows = read_metrics(tmp_path / "metrics.csv")
    assert rows == [
        {"step": 1, "pretrain": 3.0, "content": 2.0},
        {"step": 2, "content": 1.0, "mean_content": 1.5},
    ]


def test_means_are_those_of_the_epoch_even_if_it_was_interrupted():
    means = EpochMeans()
    means.add({"content": 1.0})
    means.add({"content": 2.0})
    resumed = EpochMeans(json.loads(json.dumps(means.sums)))
    resumed.add({"content": 6.0})
    assert resumed.end() == {"content": 3.0}
    assert resumed.end() == {}


@pytest.mark.parametrize("sums", [None, 3, [], {"content": 1}, {"content": [1]}, {"other": [1, 2]}])
def test_sums_that_make_no_sense_count_as_none(sums):
    assert EpochMeans(sums).end() == {}
