"""Names on hubs and what they may become on this disk; what is unsafe never becomes a file."""

import re

from ovglm.errors import HubError
from ovglm.hub.remote import Hub
from ovglm.models import CATALOGUE, find_entry, nearest

__all__ = [
    "is_commit",
    "is_hub_id",
    "is_safe_file_name",
    "is_same_model",
    "repo_folder_name",
    "repo_of",
]

_WORD = r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_-])?"
_ID = re.compile(f"{_WORD}/{_WORD}")
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_FILE = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,198}[A-Za-z0-9_-])?")
# Names that Windows gives to devices, whatever their ending.
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)


def is_hub_id(text: str) -> bool:
    """Tell whether a text has the form `org/name`."""
    return bool(_ID.fullmatch(text)) and ".." not in text


def is_commit(text: object) -> bool:
    """Tell whether this is a commit's id, which is also a safe folder name."""
    return isinstance(text, str) and bool(_COMMIT.fullmatch(text))


def is_safe_file_name(name: str) -> bool:
    """Tell whether a name is one plain file on every system: no path, no device, no odd letters."""
    return bool(_FILE.fullmatch(name)) and not _DEVICES.fullmatch(name) and ".." not in name


def repo_folder_name(repo: str) -> str:
    """Name the folder of a repository: `org/name` becomes `org--name`."""
    return repo.replace("/", "--")


def repo_of(name_or_id: str, source: Hub) -> str:
    """Give the repository that a short name of the catalogue or `org/name` means on a hub.

    Raises HubError where it is neither.
    """
    entry = find_entry(name_or_id)
    if entry is not None and entry.repository is None:
        raise HubError(
            f"{name_or_id} ships inside ovglm: there is nothing to pull",
            hint=f'ovglm run {name_or_id} "Hello"',
        )
    here = entry.repositories(source) if entry is not None else ()
    if here and name_or_id not in here:
        return here[0]
    if is_hub_id(name_or_id):
        return name_or_id
    alike = nearest(name_or_id, CATALOGUE)
    raise HubError(
        f"{name_or_id!r} is neither a short name that ovglm knows nor of the form ORG/NAME"
        + (f"; near it are {', '.join(alike)}" if alike else ""),
        hint=f"ovglm pull {alike[0]}" if alike else "ovglm models",
    )


def is_same_model(one: str, other: str) -> bool:
    """Tell whether two names or repositories mean one model: THUDM's and zai-org's do."""
    if one.lower() == other.lower():
        return True
    entry = find_entry(one)
    return entry is not None and entry is find_entry(other)
