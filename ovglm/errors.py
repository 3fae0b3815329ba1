"""The errors that a user can mend: what happened, and the next command to try."""

__all__ = [
    "CheckpointError",
    "ExportError",
    "FolderError",
    "HubError",
    "OvglmError",
    "PictureError",
    "RecipeError",
    "RequestError",
]


class OvglmError(Exception):
    """Say what happened with the offending value in it, and hint at the next command."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class CheckpointError(OvglmError):
    """The source checkpoint is missing, damaged or of an unsupported kind."""


class RecipeError(OvglmError):
    """The recipe contradicts itself, or the device cannot run it."""


class ExportError(OvglmError):
    """The export cannot start or finish: disk, permission, an existing folder."""


class FolderError(OvglmError):
    """An exported folder is incomplete or not what its manifest says."""


class HubError(OvglmError):
    """A hub has not this model, does not give it, or cannot be reached."""


class RequestError(OvglmError):
    """The engine cannot do what this request asks for; another request may well succeed."""


class PictureError(RequestError):
    """A picture cannot be read: absent, of another kind, damaged or too large."""
