"""What engines do: tasks that are a function's name and a JSON payload.

A task reads and writes files in a folder that every worker sees and answers with a
small JSON object; it can be done anywhere, and again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, ClassVar, Final, Protocol

from yikezhong_coverage.errors import InputError, PlannerError

#: How often a task is tried before it counts as failed.
ATTEMPTS: Final = 2
#: Told of each task that is done: its number and its answer.
Done = Callable[[int, dict[str, Any]], None]


@dataclass(frozen=True)
class Task:
    """A piece of a run.

    Parameters
    ----------
    name : str
        Chinese name for progress and errors.
    function : str
        ``module:function``; takes the payload and a progress call.
    payload : dict
        JSON.
    """

    name: str
    function: str
    payload: dict[str, Any]


class TasksFailedError(PlannerError):
    """Some tasks of a run failed twice; the others are done and kept."""

    http_status: ClassVar[int] = 500


@dataclass
class Answers:
    """Answers and failures of tasks while they come in, by number."""

    tasks: Sequence[Task]
    done: Done
    found: dict[int, dict[str, Any]] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    attempts: dict[int, int] = field(default_factory=dict)

    def take(self, number: int, answer: dict[str, Any]) -> bool:
        """Take an answer; say whether the task has to be tried again."""
        if "error" in answer:
            return self.fail(number, str(answer["error"]))
        self.found[number] = answer
        self.done(number, answer)
        return False

    def fail(self, number: int, why: str) -> bool:
        """Take a failure; say whether the task has to be tried again."""
        self.attempts[number] = self.attempts.get(number, 0) + 1
        if self.attempts[number] < ATTEMPTS:
            return True
        self.failed[number] = why
        return False

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to be done."""
        return len(self.found) + len(self.failed) == len(self.tasks)

    def result(self) -> list[dict[str, Any]]:
        """Return the answers in the order of the tasks.

        Raises
        ------
        TasksFailedError
            If a task has failed for good; all are named.
        """
        if self.failed:
            told = "；".join(
                f"{self.tasks[n].name}（{why}）"
                for n, why in sorted(self.failed.items())
            )
            raise TasksFailedError(
                f"{len(self.failed)} 个部分两次计算失败：{told}",
                hint="其余部分已算完并保留，排除原因后重新运行即可接着计算",
            )
        return [self.found[number] for number in range(len(self.tasks))]


class Engine(Protocol):
    """Does tasks, in any order, maybe several at once."""

    @property
    def workers(self) -> int:
        """How many tasks are done at once."""

    def run(self, tasks: Sequence[Task], *, done: Done) -> list[dict[str, Any]]:
        """Do all tasks and return their answers in their order.

        Raises
        ------
        TasksFailedError
            If a task fails twice; the others have been done all the same.
        """

    def rest(self) -> None:
        """Let go of memory until there are tasks again."""

    def close(self) -> None:
        """End what was started; tasks under way are given up."""


def perform(function: str, payload: dict[str, Any]) -> dict[str, Any]:
    """Do a task; a deliberate error, or a disk's, becomes an answer with ``error``."""
    try:
        return find_function(function)(payload, _silent)
    except PlannerError as error:
        return {"error": f"{error}"}
    except OSError as error:
        said = error.strerror or str(error)
        where = "" if error.filename is None else f" {error.filename}"
        return {"error": f"无法读写{where}：{said}。请检查路径、权限与磁盘空间"}
    except MemoryError:
        return {"error": "内存不足"}


def find_function(name: str) -> Callable[..., dict[str, Any]]:
    """Return a function of this program by ``module:function``."""
    module, _, attribute = name.partition(":")
    if not module.startswith("yikezhong_app."):
        raise InputError(f"任务“{name}”不是本程序的函数")
    found: Callable[..., dict[str, Any]] = getattr(import_module(module), attribute)
    return found


def _silent(step: str, fraction: float) -> None:
    """Take progress and show nothing."""
