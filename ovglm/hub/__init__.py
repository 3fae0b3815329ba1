"""Models of Hugging Face and ModelScope: found, fetched and kept in the store. Loads no library.

Where things lie, so that others can look and clean up:

    OVGLM_HOME/sources/HUB/ORG--NAME/COMMIT/                the model's files
    OVGLM_HOME/sources/HUB/ORG--NAME/COMMIT/ovglm-source.json  written last: the pull is complete
    OVGLM_HOME/sources/HUB/ORG--NAME/COMMIT/FILE.partial    a file that is under way, with
    OVGLM_HOME/sources/HUB/ORG--NAME/COMMIT/FILE.journal    which of its bytes are there
    OVGLM_HOME/sources/HUB/ORG--NAME/COMMIT.lock            held (filelock) while a process pulls
"""

from ovglm.errors import HubError
from ovglm.hub.fetching import fetch, read_range
from ovglm.hub.finding import find_remote
from ovglm.hub.getting import get_model, pull_aloud
from ovglm.hub.in_order import read_in_order
from ovglm.hub.pulling import pull, pull_remote
from ovglm.hub.remote import HUBS, Hub, RemoteFile, RemoteModel
from ovglm.hub.settings import Patience
from ovglm.hub.watching import DownloadProgress, NoProgress

__all__ = [
    "HUBS",
    "DownloadProgress",
    "Hub",
    "HubError",
    "NoProgress",
    "Patience",
    "RemoteFile",
    "RemoteModel",
    "fetch",
    "find_remote",
    "get_model",
    "pull",
    "pull_aloud",
    "pull_remote",
    "read_in_order",
    "read_range",
]
