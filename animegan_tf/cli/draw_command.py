"""The work of `animegan draw`; its flags are in `draw_flags`."""

from __future__ import annotations

from animegan_tf.cli.draw_flags import FLAGS
from animegan_tf.data.drawn import make_demo_dataset
from animegan_tf.errors import Finding, UserError


def main(arguments: list[str]) -> None:
    """Draws the demo data set in the folder that the command line names."""
    if len(arguments) != 1:
        raise UserError(Finding("animegan draw", "needs one folder", "Write animegan draw FOLDER"))
    folder = make_demo_dataset(
        arguments[0],
        photos=FLAGS.photos,
        anime=FLAGS.anime,
        val=FLAGS.val,
        size=FLAGS.size,
        seed=FLAGS.seed,
    )
    print(f"The demo data set is in {folder}")
