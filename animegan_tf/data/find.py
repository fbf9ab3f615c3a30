"""Which files a run learns from: the authors' layout, or folders given one by one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from animegan_tf.errors import Finding, UserError
from animegan_tf.images import IMAGE_EXTENSIONS, list_folder
from animegan_tf.video import is_video

_VALIDATION_PHOTOS = 8


@dataclass(frozen=True)
class TrainingFiles:
    """The files that a run learns from, each set sorted.

    Attributes:
        photos: photos, unpaired with the anime pictures.
        anime: pictures of the style.
        smooth: the style's pictures with smoothed edges, made earlier; empty where the project
            smooths by itself.
        val: photos that are only looked at.
        others: files in the same folders that are no pictures, and are not used.
        films: what `anime` is to be taken from, where a film or a folder of films was given.
    """

    photos: tuple[Path, ...]
    anime: tuple[Path, ...]
    smooth: tuple[Path, ...]
    val: tuple[Path, ...]
    others: tuple[Path, ...] = ()
    films: tuple[Path, ...] = ()


def find_training_files(
    *,
    data_dir: str | os.PathLike | None = None,
    style: str | None = None,
    photos: str | os.PathLike | None = None,
    anime: str | os.PathLike | None = None,
    val: str | os.PathLike | None = None,
) -> TrainingFiles:
    """Finds the files of a run, without opening one.

    Below `data_dir` the authors' layout is expected: `train_photo/`, `<Style>/style/`, and if
    wanted `<Style>/smooth/` and `val/` (or `test/`), names in any case. `photos`, `anime` and
    `val` are folders that take the place of those; where both photos and anime are given,
    `data_dir` is not looked at. `anime` may also be a film, or a folder of films. Without any
    validation photos a few of the training photos serve.

    Raises:
        UserError: naming every folder that is missing, unreadable or without pictures.
    """
    search = _Search()
    root = None
    if photos is None or anime is None:
        root = search.data_dir(data_dir, photos, anime)
    photo_folder = Path(photos) if photos is not None else search.photo_folder(root)
    anime_folder = Path(anime) if anime is not None else search.style_folder(root, style)
    photo_files = search.pictures(photo_folder, "--photos")
    films = _films_of(anime_folder) if anime is not None else ()
    anime_files = () if films else search.pictures(anime_folder, "--anime")
    if val is not None:
        val_files = search.pictures(Path(val), "--val")
    else:
        val_files = search.first_with_pictures(root, ("val", "test"))
    smooth_files: tuple[Path, ...] = ()
    if anime_folder is not None and anime_folder.name.lower() == "style":
        smooth_files = search.first_with_pictures(anime_folder.parent, ("smooth",))
    if (
        photo_files
        and (anime_files or films)
        and os.path.samefile(photo_folder or "", anime_folder or "")
    ):
        search.complain(
            photo_folder,
            "is given for photos and for anime alike",
            "Give two folders; the generator learns the way between them",
        )
    if search.findings:
        raise UserError(search.findings)
    return TrainingFiles(
        photo_files,
        anime_files,
        smooth_files,
        val_files or some_for_validation(photo_files),
        tuple(search.others),
        films,
    )


def some_for_validation(photos: tuple[Path, ...]) -> tuple[Path, ...]:
    """A few of the photos, evenly spaced, to look at where no others are given."""
    count = min(_VALIDATION_PHOTOS, len(photos))
    return tuple(photos[index * len(photos) // count] for index in range(count))


class _Search:
    """Looks into folders, and collects what is wrong with them and the files left out."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.others: list[Path] = []

    def complain(self, where, reason, remedy):
        self.findings.append(Finding(str(where), reason, remedy))

    def data_dir(self, data_dir, photos, anime):
        if data_dir is None:
            missing = [
                flag
                for flag, folder in (("--photos", photos), ("--anime", anime))
                if folder is None
            ]
            self.complain(
                " and ".join(missing), "not given", "Give --data_dir, or --photos and --anime"
            )
            return None
        try:
            os.listdir(data_dir)
        except OSError as error:
            self.complain(
                f"--data_dir={data_dir}",
                error.strerror or error,
                "Give the folder that holds train_photo/ and <Style>/style/",
            )
            return None
        return Path(data_dir)

    def photo_folder(self, root):
        if root is None:
            return None
        folder = _subfolder(root, "train_photo")
        if folder is None:
            self.complain(
                root / "train_photo",
                "no such folder",
                "Put your photos there, or name their folder with --photos",
            )
        return folder

    def style_folder(self, root, style):
        if root is None:
            return None
        styles = [
            folder.name
            for folder in sorted(root.iterdir())
            if folder.is_dir() and _subfolder(folder, "style")
        ]
        there = f"There are: {', '.join(styles)}" if styles else "There is no <Style>/style/ at all"
        if style is None:
            self.complain("--style", "not given", f"{there}. Or name a folder with --anime")
            return None
        above = _subfolder(root, style)
        folder = _subfolder(above, "style") if above else None
        if folder is None:
            self.complain(
                root / style / "style",
                "no such folder",
                f"{there}. Put the style's pictures there, or name their folder with --anime",
            )
        return folder

    def pictures(self, folder, flag, required=True):
        if folder is None:
            return ()
        try:
            pictures, others = list_folder(folder)
        except OSError as error:
            self.complain(
                f"{flag} {error.filename}",
                error.strerror or error,
                "Give a folder of pictures that may be read",
            )
            return ()
        self.others += others
        if required and not pictures:
            self.complain(
                folder, "holds no pictures", f"Put some there: {' '.join(sorted(IMAGE_EXTENSIONS))}"
            )
        return tuple(pictures)

    def first_with_pictures(self, parent, names):
        """The pictures of the first of these folders that has any."""
        if parent is None or not parent.is_dir():
            return ()
        for name in names:
            pictures = self.pictures(_subfolder(parent, name), name, required=False)
            if pictures:
                return pictures
        return ()


def _films_of(place: Path) -> tuple[Path, ...]:
    """The film that a path is, or the films of a folder that has no pictures."""
    try:
        if place.is_file():
            return (place,) if is_video(place) else ()
        pictures, others = list_folder(place)
    except OSError:  # Whoever looks for pictures there says so.
        return ()
    return () if pictures else tuple(sorted(filter(is_video, others)))


def _subfolder(parent, name):
    """The folder of that name below `parent`, in any case of letters; None if there is none."""
    try:
        below = sorted(parent.iterdir())
    except PermissionError:  # Such as lost+found, on a disk of its own.
        return None
    named = [p for p in below if p.name.lower() == name.lower() and p.is_dir()]
    return next((p for p in named if p.name == name), named[0] if named else None)
