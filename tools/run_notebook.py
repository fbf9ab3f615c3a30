"""Runs notebooks/animegan.ipynb from start to end with tiny networks: `make notebook`."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import nbclient
import nbformat

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = ROOT / "notebooks" / "animegan.ipynb"


def main() -> None:
    """Runs every cell in an empty folder; a cell that fails ends it with its traceback."""
    os.environ.update(ANIMEGAN_MINIATURE="1", PYTHONPATH=str(ROOT))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        nbclient.NotebookClient(
            notebook, timeout=900, kernel_name="python3", resources={"metadata": {"path": folder}}
        ).execute()
    cells = sum(cell.cell_type == "code" for cell in notebook.cells)
    print(f"{NOTEBOOK.name}: {cells} cells ran")


if __name__ == "__main__":
    main()
