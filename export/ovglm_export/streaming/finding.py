"""From a name to a model that can be streamed, and the little that is read of it at once."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ovglm.errors import ExportError
from ovglm.hub import Hub, RemoteModel, fetch, find_remote
from ovglm.hub.record import find_pulled

__all__ = ["config_folder", "find_streamable", "refuse_local"]

_PLAIN = "give the same command without --stream"


def refuse_local(text: str) -> None:
    """Refuse a folder of this machine."""
    if Path(text).expanduser().exists():
        raise ExportError(f"{text} is here already, so there is nothing to stream", _PLAIN)


def find_streamable(text: str, source: Hub | None, revision: str | None) -> RemoteModel:
    """Find a model on its hub; refuse one that was pulled already.

    Raises what find_remote raises, and ExportError.
    """
    remote = find_remote(text, source=source, revision=revision)
    if find_pulled(remote.repo, source=remote.source, revision=remote.revision):
        raise ExportError(
            f"{remote.repo} at {remote.revision[:12]} was pulled before, so there is nothing to "
            "stream",
            _PLAIN,
        )
    return remote


@contextmanager
def config_folder(remote: RemoteModel) -> Iterator[Path]:
    """Lend a folder that holds the model's config.json. Raises HubError."""
    with tempfile.TemporaryDirectory() as folder:
        for file in remote.files:
            if file.name == "config.json":
                fetch(remote, file, Path(folder))
        yield Path(folder)
