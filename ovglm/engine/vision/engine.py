"""The engine of models that see: one answer after the other, decoded by a loop of its own."""

import atexit
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from ovglm.engine.answer import QueuedAnswer
from ovglm.engine.base import Counters, EngineInfo
from ovglm.engine.job import Job
from ovglm.engine.job_queue import JobQueue
from ovglm.engine.limits import QUEUE_LENGTH, Limits
from ovglm.engine.native import native_failure
from ovglm.engine.tally import Tally
from ovglm.engine.vision.parts import Cancelled
from ovglm.engine.vision.places import Places, lay_out
from ovglm.engine.vision.reader import Reader
from ovglm.engine.vision.sampler import Sampler
from ovglm.errors import RequestError
from ovglm.messages import Sampling
from ovglm.pictures import Picture
from ovglm.tokens import Tokenizer
from ovglm.vision_facts import VisionFacts

__all__ = ["VisionEngine"]


class VisionEngine:
    """Answers in a thread of its own; other requests wait in a queue of bounded length."""

    def __init__(
        self,
        reader: Reader,
        info: EngineInfo,
        limits: Limits,
        tokenizer: Tokenizer,
        vision: VisionFacts,
        cache_per_token: int,
        queue_length: int = QUEUE_LENGTH,
    ) -> None:
        """cache_per_token: bytes of the KV cache."""
        self.info = info
        self.tally = Tally()
        self._reader: Reader | None = reader
        self._limits = limits
        self._tokenizer = tokenizer
        self._vision = vision
        self._cache_per_token = cache_per_token
        self._queue = JobQueue(info.device, self._free, queue_length)
        # a thread that is inside native code while Python shuts down crashes the process
        atexit.register(self.close)

    @property
    def counters(self) -> Counters:
        """What it has done so far; the cache holds what was read last, also between answers."""
        running, waiting = self._queue.sizes
        reader = self._reader
        size = reader.size if reader else 0
        return replace(
            self.tally.read(),
            running=running,
            waiting=waiting,
            cache_usage=size / self._limits.context if running else 0.0,
            cache_bytes=size * self._cache_per_token,
        )

    def submit(
        self, prompt_ids: Sequence[int], sampling: Sampling, pictures: Sequence[Picture] = ()
    ) -> QueuedAnswer:
        """Put a request into the queue."""
        if sampling.constraint:
            raise RequestError(
                f"{self.info.model} takes pictures, and its engine holds no answer to a JSON "
                "schema or to a call of a tool",
                hint="ask for it in words, or take a model of text",
            )
        for picture in pictures:
            _check_pixels(picture, self._vision)
        places = lay_out(list(prompt_ids), pictures, self._vision)
        parts = (prompt_ids, sampling, self._tokenizer, self._limits, self.tally)
        make = partial(Job, *parts, prompt_tokens=len(places.keys))
        return self._queue.add(make, partial(self._answer, places=places, pictures=pictures))

    def close(self) -> None:
        """End all requests and free the model; waits for the step that runs."""
        atexit.unregister(self.close)
        self._queue.close()

    def _free(self) -> None:
        self._reader = None

    def _answer(self, job: Job, places: Places, pictures: Sequence[Picture]) -> None:
        reader = self._reader
        assert reader is not None  # it goes when the thread that runs this ends
        try:
            for part in range(job.parts):
                self._make(job, part, reader, places, pictures)
        except Cancelled:
            pass
        except RuntimeError as error:
            reader.forget()
            job.fail(native_failure("the runtime failed to answer", error, "ovglm doctor"))
        except Exception as error:  # noqa: BLE001 (a bug in one request must not end the others)
            reader.forget()
            job.fail(error)
        job.finish_all("cancelled")

    def _make(
        self, job: Job, part: int, reader: Reader, places: Places, pictures: Sequence[Picture]
    ) -> None:
        """Make one of a job's answers."""
        logits, cached = reader.read_prompt(places, pictures, lambda: job.is_cancelled)
        job.note_cached(part, cached)
        sampling = job.sampling
        # a placeholder is no text: <|endoftext|>, which is a part of one, must not get rarer by it
        sampler = Sampler(sampling, places.text_ids, job.seeds.of(part))
        room = self._limits.room(job.prompt_tokens, sampling.max_new_tokens)
        for count in range(room):
            choice = sampler.choose(logits)
            best = [choice.best] if sampling.top_logprobs else []
            if job.push(part, [choice.token], [choice.logprob], best):
                return
            if job.is_cancelled:
                raise Cancelled
            if count + 1 < room:
                logits = reader.read_token(choice.token, places.next_position + count)
        job.finish(part, "length")


def _check_pixels(picture: Picture, facts: VisionFacts) -> None:
    """Refuse what was made for another tower."""
    wanted = (facts.image_size, facts.image_size, facts.channels)
    if picture.pixels.shape != wanted:
        raise RequestError(
            f"a picture has pixels of shape {picture.pixels.shape}, and the model takes {wanted}",
            hint="read it with this model's facts: read_picture(source, engine.info.vision)",
        )
