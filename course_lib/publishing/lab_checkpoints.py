"""JupyterLab's checkpoints, kept out of the folders of chapters and exercises: below ``_build/lab/checkpoints``."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from jupyter_server.services.contents.filecheckpoints import AsyncFileCheckpoints

FOLDER = "_build/lab/checkpoints"


class CourseCheckpoints(AsyncFileCheckpoints):
    """Keeps the checkpoint of ``book/search/ranking.md`` as ``book/search/ranking-checkpoint.md`` below ``FOLDER``.

    Jupyter's own setting ``checkpoint_dir`` can't do this: given one folder, it forgets where a file stood, and pages of
    the same name in two branches would share a checkpoint.
    """

    def checkpoint_path(self, checkpoint_id: str, path: str) -> str:
        """Where a checkpoint lies, on disk; its folder is made."""
        file = PurePosixPath(path.strip("/"))
        self._get_os_path(str(file))  # raises where the path leads out of the course's folder
        at = Path(self.root_dir) / FOLDER / file.parent / f"{file.stem}-{checkpoint_id}{file.suffix}"
        with self.perm_to_403():
            at.parent.mkdir(parents=True, exist_ok=True)
        return str(at)
