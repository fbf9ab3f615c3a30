"""The work of `animegan import`."""

from __future__ import annotations

import os
from pathlib import Path

from animegan_tf.errors import Finding, UserError, WorkFailed
from animegan_tf.networks.keras_file import save_generator
from animegan_tf.networks.tf1_checkpoint import import_generator
from animegan_tf.styling.pipeline import NameTakenError, result_file


def main(arguments: list[str]) -> None:
    """Writes the checkpoint's generator as a Keras file."""
    if len(arguments) != 2:
        raise UserError(
            Finding(
                "arguments",
                f"expected two, found {len(arguments)}",
                "animegan import Hayao-60.ckpt hayao.keras",
            )
        )
    source, target = arguments
    findings = []
    if not target.endswith(".keras"):
        findings.append(Finding(target, "not a name for a Keras file", "End it in .keras"))
    if os.path.lexists(target):
        findings.append(Finding(target, "exists already", "Give another name"))
    if not Path(target).parent.is_dir():
        findings.append(Finding(str(Path(target).parent), "no such folder", "Make it first"))
    elif not os.access(Path(target).parent, os.W_OK | os.X_OK):
        findings.append(Finding(target, "can't be written there", "Give another name"))
    if findings:
        raise UserError(findings)
    generator = import_generator(source)
    try:
        with result_file(Path(target), replace=False) as path:
            save_generator(generator, path)
    except NameTakenError as error:
        reason = "another program has written it meanwhile, and it is left as it is"
        raise WorkFailed(Finding(target, reason, "Give another name")) from error
    print(f"{target}: {generator.count_params():,} parameters")
