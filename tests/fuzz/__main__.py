"""Fuzz the loaders for a fixed time: ``python tests/fuzz [TARGET …]``.

``FUZZ_SECONDS`` (1800) are shared by the targets; each runs in a process of its own,
guided by coverage. Findings (crash, over 10 seconds, an error that is no PlannerError,
rows that are not conserved) are kept in ``fuzz-findings/``: the input, and what came of
it as ``.txt``. The exit code is 1 where there is one. ``python tests/fuzz --try TARGET
FILE`` runs one input again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import resource
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

FINDINGS = Path(os.environ.get("FUZZ_FINDINGS", HERE.parents[1] / "fuzz-findings"))
MAX_LENGTH = 1 << 16
HANG_SECONDS = 10
#: A file this small must not need more.
MEMORY_MIB = 3072


def scratch() -> str | None:
    """Return a folder in memory where there is one."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def keep(name: str, data: bytes, error: BaseException) -> None:
    """Keep one input for each place where a wrong ending came from."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{type(error).__name__}:{frames[-1].filename}:{frames[-1].lineno}"
    inner = next((f for f in reversed(frames) if "yikezhong" in f.filename), frames[-1])
    place += f":{inner.filename}:{inner.lineno}"
    stem = f"{name}-{hashlib.sha256(place.encode()).hexdigest()[:10]}"
    FINDINGS.mkdir(parents=True, exist_ok=True)
    if not (FINDINGS / f"{stem}.txt").exists():
        (FINDINGS / f"{stem}.bin").write_bytes(data)
        text = "".join(traceback.format_exception(error))
        (FINDINGS / f"{stem}.txt").write_text(text, encoding="utf-8")


def fuzz_one(name: str, seconds: int) -> None:
    """Fuzz one target in this process; does not return."""
    import atheris

    from yikezhong_geodata.opening import prepare_gdal

    prepare_gdal()
    with atheris.instrument_imports(include=["yikezhong_geodata", "yikezhong_app"]):
        from fuzz_cases import TARGETS, try_once

        target = TARGETS[name]
        seeds = target.seeds()
        folder = Path(tempfile.mkdtemp(prefix="yikezhong-fuzz-"))
        for seed in seeds:  # imports all there is to import
            with contextlib.suppress(Exception):
                try_once(target, seed, folder)
    warnings.simplefilter("error")
    corpus = Path(tempfile.mkdtemp(prefix="yikezhong-corpus-"))
    for index, seed in enumerate(seeds):
        (corpus / f"seed{index}").write_bytes(seed)

    def once(data: bytes) -> None:
        try:
            try_once(target, data, folder)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
            keep(name, data, error)

    FINDINGS.mkdir(parents=True, exist_ok=True)
    options = {
        "max_total_time": seconds,
        "timeout": HANG_SECONDS,
        "rss_limit_mb": MEMORY_MIB,
        "max_len": max(MAX_LENGTH, max(map(len, seeds))),
        "artifact_prefix": f"{FINDINGS}/{name}-",
        "print_final_stats": 1,
        "verbosity": 0,
    }
    args = [sys.argv[0], *(f"-{key}={value}" for key, value in options.items())]
    atheris.Setup([*args, str(corpus)], once)
    atheris.Fuzz()


def fuzz_all(names: list[str], seconds: int) -> int:
    """Give every target its share of the time; return the number of findings."""
    with tempfile.TemporaryDirectory(prefix="yikezhong-", dir=scratch()) as room:
        # what the processes leave behind goes with it
        return _fuzz_all(names, seconds, {**os.environ, "TMPDIR": room})


def _fuzz_all(names: list[str], seconds: int, environment: dict[str, str]) -> int:
    share = max(1, seconds // len(names))
    for name in names:
        end = time.monotonic() + share
        # a crash or a hang ends the process: go on until the time is over
        while (left := int(end - time.monotonic())) > 0:
            started = time.monotonic()
            done = subprocess.run(
                [sys.executable, str(HERE), "--one", name, str(left)],
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                env=environment,
                preexec_fn=_bound,
            )
            log = done.stderr[-4000:]
            print(name, _summary(log), f"exit {done.returncode}", flush=True)
            if done.returncode != 0:
                FINDINGS.mkdir(parents=True, exist_ok=True)
                (FINDINGS / f"{name}-{int(started)}.log.txt").write_text(log)
            if time.monotonic() - started < 2 and done.returncode != 0:
                break  # cannot even start: said above
    return len(list(FINDINGS.glob("*.txt")))


def _bound() -> None:
    size = 8 * MEMORY_MIB << 20
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _summary(log: str) -> str:
    wanted = ("number_of_executed_units", "slowest_unit_time_sec", "peak_rss_mb")
    lines = [line for line in log.splitlines() if any(w in line for w in wanted)]
    return " ".join("=".join(line.replace("stat::", "").split()) for line in lines)


def try_file(name: str, path: Path) -> None:
    """Give one file to a target; its error is shown."""
    from yikezhong_geodata.opening import prepare_gdal

    prepare_gdal()
    from fuzz_cases import TARGETS, try_once

    warnings.simplefilter("error")
    with tempfile.TemporaryDirectory() as folder:
        try_once(TARGETS[name], path.read_bytes(), Path(folder))


def main(arguments: list[str]) -> int:
    """Run what the arguments ask for."""
    if arguments[:1] == ["--one"]:
        fuzz_one(arguments[1], int(arguments[2]))
    if arguments[:1] == ["--try"]:
        try_file(arguments[1], Path(arguments[2]))
        return 0
    from yikezhong_geodata.opening import prepare_gdal

    prepare_gdal()
    from fuzz_cases import TARGETS

    names = arguments or list(TARGETS)
    n_finding = fuzz_all(names, int(os.environ.get("FUZZ_SECONDS", "1800")))
    print(f"{n_finding} findings in {FINDINGS}" if n_finding else "no finding")
    return int(n_finding > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
