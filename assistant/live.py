"""Long work of a page: runs in a thread of its own, so that closing the page does not stop it half-way."""

import logging
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from threading import Thread

from assistant.parts import Progress
from governance.errors import XinyanError

log = logging.getLogger(__name__)
Step = tuple[str, int, int]


def follow(work: Callable[[Progress], object]) -> Iterator[Step]:
    """Start `work` and yield what it reports (step, done, total); raises the XinyanError that it raises."""
    told: SimpleQueue[Step | XinyanError | None] = SimpleQueue()

    def run() -> None:
        try:
            work(lambda step, done, total: told.put((step, done, total)))
        except XinyanError as error:
            told.put(error)
        except Exception as error:  # the edge of a thread: whoever waits must hear of it
            log.error("work failed: %s", type(error).__name__)  # noqa: TRY400 - a traceback would hold values
            told.put(XinyanError(reason={"zh": "系统内部错误", "en": "internal error"}))
        else:
            told.put(None)

    Thread(target=run, daemon=True).start()
    while (news := told.get()) is not None:
        if isinstance(news, XinyanError):
            raise news
        yield news
