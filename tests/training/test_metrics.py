"""metrics.csv and the TensorBoard log."""

from animegan_tf.training.metrics import MetricsLog, read_metrics


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
