import pytest

from animegan_tf import build_generator
from animegan_tf.errors import UserError
from animegan_tf.exporting import lighter
from animegan_tf.exporting.report import build_report, read_report, write_report


def entry(path, folder, in_place=True):
    if in_place:
        (folder / path).write_bytes(b"x")
    return {
        "name": "x",
        "path": path,
        "bytes": 1,
        "limit": "",
        "within_limit": in_place,
        "in_place": in_place,
        "runtime": "",
        "notes": [],
        "size": None,
        "signatures": [],
    }


def merged(generator, folder, entries, lighter=()):
    report = build_report(
        name="x",
        model="x.keras",
        generator=generator,
        photos="",
        lighter=lighter,
        artifacts=entries,
        output=folder,
        earlier=read_report(folder),
    )
    write_report(report, folder)
    return report


def test_a_report_keeps_what_is_still_in_place(generator, tmp_path):
    assert read_report(tmp_path) is None
    merged(
        generator,
        tmp_path,
        [
            entry("kept", tmp_path),
            entry("replaced", tmp_path),
            entry("deleted", tmp_path),
            entry("refused", tmp_path, in_place=False),
            entry("now refused", tmp_path),
        ],
    )
    (tmp_path / "deleted").unlink()
    report = merged(
        generator,
        tmp_path,
        [entry("replaced", tmp_path), entry("now refused", tmp_path, in_place=False)],
    )
    assert [(found["path"], found["in_place"]) for found in report["artefacts"]] == [
        ("kept", True),
        ("now refused", True),
        ("replaced", True),
        ("now refused", False),
    ]


def test_a_report_says_which_rows_are_of_other_weights(generator, tmp_path):
    row = lighter.Row("light", 4, 1, 1, 1, 1.0, 1.0, 1.0, 1.0)
    merged(generator, tmp_path, [entry("old", tmp_path)], [row])
    assert merged(generator, tmp_path, [])["lighter"] == [row._asdict()]
    assert "OTHER weights" not in (tmp_path / "report.md").read_text()
    report = merged(build_generator(4), tmp_path, [entry("new", tmp_path)])
    assert report["lighter"] == []
    text = (tmp_path / "report.md").read_text()
    assert "`old`: of an earlier export of OTHER weights" in text and "`new`: " not in text


@pytest.mark.parametrize(
    "content", ["{", "{}", "[]", "null", '{"artefacts": 3}', "[" * 100_000, " " * 11_000_000]
)
def test_an_unreadable_report_is_a_finding(tmp_path, content):
    (tmp_path / "report.json").write_text(content)
    with pytest.raises(UserError, match=r"report\.json"):
        read_report(tmp_path)
