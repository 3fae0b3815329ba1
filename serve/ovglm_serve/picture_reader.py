"""From the pictures that a request names to pictures in its messages. Knows no wire format."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from ovglm.errors import RequestError
from ovglm.messages import Message
from ovglm.pictures import MOST_BYTES, Picture, is_data_url, read_data_url, read_picture
from ovglm.pictures.data_urls import DATA_HINT
from ovglm.vision_facts import VisionFacts
from ovglm_serve.ask import NamedPicture
from ovglm_serve.errors import ApiError, as_refusal
from ovglm_serve.image_root import is_remote, read_local
from ovglm_serve.served_model import ServedModel

__all__ = ["PictureReader"]

# The largest pictures take half a GB while they are decoded.
_AT_A_TIME = 1


class PictureReader:
    """Reads pictures in a thread of their own: neither the event loop nor texts wait for them."""

    def __init__(self, root: Path | None) -> None:
        """root: the folder whose files a request may name; None for no folder."""
        self._root = root
        self._thread = ThreadPoolExecutor(_AT_A_TIME, thread_name_prefix="pictures")

    async def put_in(
        self, model: ServedModel, messages: Sequence[Message], named: Sequence[NamedPicture]
    ) -> tuple[Message, ...]:
        """Give the messages with their pictures. Raises ApiError that names the part at fault."""
        if not named:
            return tuple(messages)
        facts = _check_count(model, named)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._read_all, facts, messages, named)

    def _read_all(
        self, facts: VisionFacts, messages: Sequence[Message], named: Sequence[NamedPicture]
    ) -> tuple[Message, ...]:
        found = defaultdict[int, tuple[Picture, ...]](tuple)
        for one in named:
            with as_refusal(one.param, "invalid_value"):
                found[one.message] += (read_picture(self._open(one), facts, one.part),)
        return tuple(
            replace(message, pictures=found[number]) if number in found else message
            for number, message in enumerate(messages)
        )

    def _open(self, one: NamedPicture) -> bytes:
        try:
            if is_data_url(one.url):
                return read_data_url(one.url)
            return read_local(one.url, self._root, MOST_BYTES)
        except RequestError as error:
            raise RequestError(f"'{one.param}': {error.message}", error.hint) from error


def _check_count(model: ServedModel, named: Sequence[NamedPicture]) -> VisionFacts:
    """Refuse what needs no look at any picture; give what the model says of its pictures."""
    facts = model.engine.info.vision
    if facts is None:
        text = f"'{named[0].part}' is a picture, and {model.name} reads text only"
        raise ApiError(400, text, param=named[0].part, code="unsupported_value")
    for one in named:
        if is_remote(one.url) and not is_data_url(one.url):
            text = f"'{one.param}': nothing is fetched from elsewhere (try: {DATA_HINT})"
            raise ApiError(400, text, param=one.param, code="unsupported_value")
    if len(named) > facts.most_pictures:
        one, most = named[facts.most_pictures], facts.most_pictures
        text = (
            f"'{one.part}' is picture {most + 1} of this conversation, and {model.name} takes "
            f"{most} at most (try: leave earlier ones out, or begin a new conversation)"
        )
        raise ApiError(400, text, param=one.part, code="too_many_pictures")
    return facts
