"""Opens a hub's door: the right client at the right address."""

from ovglm.errors import HubError
from ovglm.hub.door import Door
from ovglm.hub.remote import Hub
from ovglm.hub.settings import Patience, hub_address, offline_variables, show_host

__all__ = ["open_door"]


def open_door(hub: Hub, patience: Patience, what: str) -> Door:
    """Open a hub's door to ask for `what`; raises HubError where the environment forbids it."""
    if found := offline_variables():
        raise HubError(
            f"offline mode forbids to ask {show_host(hub_address(hub))} for {what}",
            f"unset {' and '.join(found)}",
        )
    address = hub_address(hub)
    if hub == "modelscope":
        from ovglm.hub.modelscope import ModelScope

        return ModelScope(address)
    from ovglm.hub.huggingface import HuggingFace

    return HuggingFace(address, patience.stall_s)
