"""Tasks done one after the other, here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from yikezhong_app.engines.tasks import Answers, Done, Task, perform


class InProcess:
    """Does tasks in this process, in their order."""

    workers = 1

    def run(self, tasks: Sequence[Task], *, done: Done) -> list[dict[str, Any]]:
        """Do all tasks; see :class:`~yikezhong_app.engines.tasks.Engine`."""
        answers = Answers(tasks, done)
        for number, task in enumerate(tasks):
            while answers.take(number, perform(task.function, task.payload)):
                pass
        return answers.result()

    def rest(self) -> None:
        """There is nothing to let go of."""

    def close(self) -> None:
        """Nothing was started."""
