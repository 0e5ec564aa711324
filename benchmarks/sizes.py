"""What long answers cost: processor time a token, bytes to the front end.

``%%step`` is asked in real time, in several kernels side by side. The others draw each
token, however fast it comes, so they are asked as fast as they go, one by one; and not
for the longest answer, since what they send grows with the square of its length. To
render the whole text at each token would take hours even so: a hundred renders, spread
evenly over an answer, stand for all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import answers
import ways
from kernel import Ran
from look_alike import LookAlike, Stream, look_alike
from table import Row
from ways import FAST, SLOW, Way

_SHORT_KB, _BLOCK_KB, _LONG_KB = 20, 80, 320
_GROWTH_LIMIT = 1.5
_BYTES_LIMITS: dict[float, int] = {FAST: 13, SLOW: 25}

_UNPACED = 0.0
_PEERS = (ways.CHATLAS, ways.CELLMAGE)
_OTHERS = {
    ways.WHOLE: FAST,
    ways.RENDERED: _UNPACED,
    ways.CHATLAS: _UNPACED,
    ways.CELLMAGE: _UNPACED,
}
"""What patches are compared with, and at which rate."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A kind of answer of some size."""

    kind: str
    kb: int

    @property
    def text(self) -> str:
        """Its Markdown."""
        return answers.BLOCKS.get(self.kind, answers.mixed)(1000 * self.kb)

    def __str__(self) -> str:
        return f"{self.kb} KB {self.kind}"


_KINDS = ("mixed", *answers.BLOCKS)
_MIXED = [Answer("mixed", kb) for kb in (5, _SHORT_KB, 80, _LONG_KB)]
_BLOCKS = [Answer(kind, _BLOCK_KB) for kind in answers.BLOCKS]
_ANSWERS = [*_MIXED, *_BLOCKS]
_FOR_PEERS = [answer for answer in _ANSWERS if answer.kb < _LONG_KB]


@dataclass(frozen=True, slots=True)
class Cost:
    """What an answer took."""

    cpu_us: float
    """Of the kernel, a token."""
    bytes: float
    """To the front end, a byte of the answer."""

    def __str__(self) -> str:
        return f"{self.cpu_us:,.0f} us, {self.bytes:,.1f} B"


@dataclass(frozen=True, slots=True)
class Job:
    """A way that asks for some answers, one after the other."""

    way: Way
    answers: Sequence[Answer]
    rate: float = _UNPACED


class Bench:
    """Does jobs, and keeps what they took."""

    def __init__(self, server: LookAlike) -> None:
        """Begin with nothing; ``server`` streams the answers."""
        self._server = server
        self._warm = server.serve(answers.mixed(300))
        self._streams: dict[tuple[Answer, float], Stream] = {}
        self.costs: dict[tuple[Way, Answer, float], Cost] = {}
        """By the rate, too."""
        self.failures: dict[tuple[Way, Answer], str] = {}
        """What a peer said that did not work here."""

    def do(self, *jobs: Job) -> None:
        """Do jobs side by side, each in a kernel of its own."""
        for job in jobs:
            for answer in job.answers:
                if (answer, job.rate) not in self._streams:
                    stream = self._server.serve(answer.text, rate=job.rate)
                    self._streams[answer, job.rate] = stream
        with ThreadPoolExecutor(len(jobs)) as threads:
            list(threads.map(self._do, jobs))

    def _do(self, job: Job) -> None:
        left = list(job.answers)
        try:
            with ways.asker(job.way, self._warm) as asking:
                while left:
                    stream = self._streams[left[0], job.rate]
                    cost = self._cost(job.way, left[0], stream, asking.ask(stream))
                    self.costs[job.way, left.pop(0), job.rate] = cost
        except RuntimeError as error:
            # A peer may not work with what is installed; that is no failure of ours.
            if job.way not in _PEERS:
                raise
            said = str(error).strip().splitlines()[-1]
            self.failures.update({(job.way, answer): said for answer in left})

    def _cost(self, way: Way, answer: Answer, stream: Stream, ran: Ran) -> Cost:
        cpu_us = 1e6 * ran.cpu_s / stream.tokens
        size = ran.bytes / stream.size
        if way in _PEERS and ran.kinds.total() < stream.tokens:
            # A kernel throws messages away where a client does not keep up.
            message = "messages were lost"
            raise RuntimeError(message)
        if way is ways.RENDERED:
            bare = self.costs[ways.BARE, answer, _UNPACED]
            each_stands_for = stream.tokens / ran.kinds["update_display_data"]
            cpu_us = bare.cpu_us + (cpu_us - bare.cpu_us) * each_stands_for
            size *= each_stands_for
        return Cost(cpu_us, size)


def measure() -> Iterator[Row]:
    """Yield the rows of each answer, of growth, and of the slower stream."""
    with look_alike() as server:
        bench = Bench(server)
        _do_all(bench)
    for answer in _ANSWERS:
        yield _bytes(bench, answer, FAST)
        for way in _OTHERS:
            yield _beside_patches(bench, answer, way)
    yield _growth(bench, ways.WHOLE, "mixed")
    for kind in _KINDS:
        yield _growth(bench, ways.PATCHES, kind)
    for kind in _KINDS:
        yield _bytes(bench, Answer(kind, _SHORT_KB), SLOW)


def _do_all(bench: Bench) -> None:
    """Do every job; a short answer and its long one have the same company."""
    bench.do(
        Job(ways.PATCHES, _MIXED, FAST),
        Job(ways.WHOLE, _MIXED, FAST),
        Job(ways.WHOLE, _BLOCKS, FAST),
    )
    sizes_kb = (_SHORT_KB, _BLOCK_KB, _LONG_KB)
    grown = [[Answer(kind, kb) for kb in sizes_kb] for kind in answers.BLOCKS]
    bench.do(*(Job(ways.PATCHES, sizes, FAST) for sizes in grown))
    short = [Answer(kind, _SHORT_KB) for kind in _KINDS]
    bench.do(*(Job(ways.PATCHES, [answer], SLOW) for answer in short))
    bench.do(Job(ways.BARE, _ANSWERS))
    bench.do(Job(ways.RENDERED, _ANSWERS))
    for way in _PEERS:
        bench.do(Job(way, _FOR_PEERS))


def _bytes(bench: Bench, answer: Answer, rate: float) -> Row:
    """Return what an answer took by patches; its bytes have a limit."""
    cost, limit = bench.costs[ways.PATCHES, answer, rate], _BYTES_LIMITS[rate]
    return Row(
        what=f"{answer} at {rate:,.0f}/s: {ways.PATCHES.name}",
        measured=str(cost),
        beside="a token, an answer byte",
        ratio=f"{cost.bytes:.1f}",
        limit=f"{limit}",
        good=cost.bytes < limit,
    )


def _beside_patches(bench: Bench, answer: Answer, way: Way) -> Row:
    """Return what an answer took in another way."""
    patches = bench.costs[ways.PATCHES, answer, FAST]
    cost = bench.costs.get((way, answer, _OTHERS[way]))
    measured, ratio = bench.failures.get((way, answer), "not run: quadratic"), ""
    if cost is not None:
        measured = str(cost)
        times = (cost.cpu_us / patches.cpu_us, cost.bytes / patches.bytes)
        ratio = "CPU {:,.1f}, bytes {:,.1f}".format(*times)
    return Row(
        what=f"{answer}: {way.name}",
        measured=measured,
        beside=f"{patches} patches",
        ratio=ratio,
    )


def _growth(bench: Bench, way: Way, kind: str) -> Row:
    """Return how much dearer a token is in a long answer than in a short one."""
    short = bench.costs[way, Answer(kind, _SHORT_KB), FAST].cpu_us
    long = bench.costs[way, Answer(kind, _LONG_KB), FAST].cpu_us
    return Row(
        what=f"{_LONG_KB} KB {kind}: {way.name}, CPU a token",
        measured=f"{long:.0f} us",
        beside=f"{short:.0f} us in {_SHORT_KB} KB",
        ratio=f"{long / short:.2f}",
        limit=f"{_GROWTH_LIMIT}",
        good=long / short < _GROWTH_LIMIT,
    )
