"""What the paged cache finds of a prompt, which the runtime does not tell. Knows no pipeline.

It is worked out: this does with page numbers what openvino_genai's scheduler and block manager
(2026.4, scheduler.hpp) do with pages, step by step. At each step the runtime tells how many pages
are in use; should that ever differ, nothing is said any more, rather than something wrong.
"""

from collections.abc import Iterable, Sequence

from ovglm.engine.pages import Page, Pages

__all__ = ["Prefixes", "Reading"]


class Reading:
    """One sequence in the cache: the ids of its prompt, then those of its answer.

    read: ids that the model has read; most: the most it ever had, before its pages were needed
    for others. planned: ids of the step under way.
    """

    def __init__(self, prompt_ids: Sequence[int], page: int) -> None:
        """page: tokens of one."""
        self.ids = list(prompt_ids)
        self.prompt = len(prompt_ids)
        self.pages: list[Page] = []
        self.read = self.most = self.planned = 0
        self.is_cancelled = self.is_paused = False
        self._page = page
        self._keys: list[int] = []

    @property
    def length(self) -> int:
        """Ids that are in the cache after the step under way."""
        return self.read + self.planned

    @property
    def is_answering(self) -> bool:
        """Whether the prompt has been read."""
        return self.most >= self.prompt

    @property
    def wanted(self) -> int:
        """Ids that could be read next."""
        return max(max(self.prompt, self.most) - self.read, 1)

    @property
    def missing(self) -> int:
        """Pages that it lacks, or has too many if negative."""
        return -(-self.length // self._page) - len(self.pages)

    @property
    def unused(self) -> int:
        """Ids that its last page has room for."""
        return -self.length % self._page

    def key(self, length: int) -> int:
        """Name the page that ends with the first `length` ids."""
        page = self._page
        while (end := (len(self._keys) + 1) * page) <= length:
            self._keys.append(self._hash(end - page, end))
        if length % page == 0:
            return self._keys[length // page - 1]
        return self._hash(length - length % page, length)

    def _hash(self, start: int, end: int) -> int:
        before = self._keys[start // self._page - 1] if start else 0
        return hash((before, *self.ids[start:end]))


class Prefixes:
    """The sequences of one pipeline, in the order in which they began."""

    def __init__(self, page: int, pages: int, step: int) -> None:
        """page: tokens of one. pages: how many the cache has. step: the most tokens of a step."""
        self._page = page
        self._pages = Pages(pages)
        self._step = step
        self._readings: list[Reading] = []
        self._is_lost = False

    def begin(self, prompt_ids: Sequence[int]) -> tuple[Reading, int]:
        """Note a sequence that starts; give how many tokens of its prompt are found."""
        reading = Reading(prompt_ids, self._page)
        for length in self._find(reading):
            reading.pages.append(self._pages.share(reading.key(length)))
            # the last id is read in any case: what follows it is wanted
            reading.read = reading.most = min(length, reading.prompt - 1)
        self._readings.append(reading)
        return reading, 0 if self._is_lost else reading.read

    def step(self, usage: float) -> None:
        """Note a step. usage: the share of the cache in it, in per cent, that the runtime tells."""
        for reading in self._readings:
            if reading.missing < 0:
                self._cut(reading, -reading.missing)
        left = self._plan_answers()
        self._plan_prompts(left)
        count = self._pages.count
        self._is_lost |= round(usage * count / 100) != count - self._pages.left
        for reading in self._readings:
            reading.read += reading.planned
            reading.most = max(reading.most, reading.read)
            reading.planned, reading.is_paused = 0, False

    def add(self, reading: Reading, ids: Iterable[int]) -> None:
        """Note ids that were made; the last of them is not in the cache before the next step."""
        reading.ids += ids

    def end_step(self, finished: Sequence[Reading]) -> None:
        """Note which sequences a step finished; those that were cancelled before it end, too."""
        over = [one for one in self._readings if one in finished]
        over += [one for one in self._readings if one.is_cancelled and one not in over]
        for reading in over:
            for page in reading.pages:
                self._pages.leave(page)
        self._readings = [one for one in self._readings if one not in over]

    def _find(self, reading: Reading) -> Iterable[int]:
        """Give the ends of the pages that are there; the last may have been begun only."""
        start = 0
        while start < reading.prompt:
            end = min(start + self._page, reading.prompt)
            if self._pages.has(reading.key(end)):
                yield end
                start = end
                continue
            for begun in range(start + 1, end):
                if self._pages.has(reading.key(begun)):
                    yield begun
                    break
            return

    def _plan_answers(self) -> int:
        """Plan for answers, the oldest first; give how many tokens the step has left."""
        left = self._step
        for number, reading in enumerate(self._readings):
            if not left:
                break
            if not reading.is_answering or reading.is_paused or reading.is_cancelled:
                continue
            reading.planned = min(left, reading.wanted)
            self._make_room(number)
            if self._need(reading) > self._pages.left:
                reading.planned = 0
                continue
            self._append(reading)
            left -= reading.planned
        return left

    def _plan_prompts(self, left: int) -> None:
        """Plan for prompts with what is left."""
        for reading in self._readings:
            if not left:
                break
            if reading.is_answering or reading.is_paused or reading.is_cancelled:
                continue
            room = reading.unused + self._pages.left * self._page
            count = min(left, reading.wanted, room)
            if count > reading.unused:
                self._grow(reading, -(-(count - reading.unused) // self._page))
            reading.planned = count
            left -= count

    def _need(self, reading: Reading) -> int:
        """Count the pages that are taken before a sequence can go on."""
        users = reading.pages[-1].users if reading.pages else 1
        if reading.missing < 0 or users == 1:
            return max(reading.missing, 0)
        return reading.missing * users if reading.missing else users - 1

    def _make_room(self, number: int) -> None:
        """Take pages from the youngest sequences, which pause and read again later."""
        reading = self._readings[number]
        while self._need(reading) > self._pages.left:
            others = [place for place, one in enumerate(self._readings) if one.read]
            if not others or others[-1] <= number:
                return
            before = self._pages.left
            self._pause(self._readings[others[-1]], self._need(reading))
            if self._pages.left <= before:
                return

    def _pause(self, reading: Reading, pages: int) -> None:
        if len(set(reading.pages)) > pages:
            gone = (reading.read % self._page or self._page) + (pages - 1) * self._page
            self._cut(reading, pages)
            reading.read -= min(gone, reading.read)
        else:
            for page in reading.pages:
                self._pages.leave(page)
            reading.pages = []
            reading.read = 0
        reading.is_paused = True

    def _cut(self, reading: Reading, pages: int) -> None:
        """Give up the last pages of a sequence."""
        for page in reversed(reading.pages[-pages:]):
            self._pages.leave(page)
        del reading.pages[-pages:]

    def _append(self, reading: Reading) -> None:
        """Take the pages that are missing; else more is written into the last one."""
        if reading.missing > 0:
            self._grow(reading, reading.missing)
            return
        last, key = reading.pages[-1], reading.key(reading.length)
        if last.users == 1:
            self._pages.rename(last, key)
        else:
            reading.pages[-1] = self._pages.take(key)
            self._pages.leave(last)

    def _grow(self, reading: Reading, count: int) -> None:
        """Take pages, which are known by what they will have, even before it is written."""
        pages = reading.pages
        if pages and pages[-1].key != (key := reading.key(len(pages) * self._page)):
            self._pages.rename(pages[-1], key)
        for _ in range(count):
            length = min((len(pages) + 1) * self._page, len(reading.ids))
            pages.append(self._pages.take(reading.key(length)))
