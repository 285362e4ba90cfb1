"""The archive for closed networks: what is in it, and that it installs without any."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import pytest

from live_cases import free_port

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

from make_bundle import Locked, make_bundle, needed_to_run, read_lock, write_hashes

INSTALLER = ROOT / "deploy" / "bundle" / "install.sh"


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_lock_is_read_whole_and_cut_to_what_runs() -> None:
    text = (ROOT / "requirements.lock").read_text("utf-8")
    packages = read_lock(text)
    assert len(packages) == len(re.findall(r"^[A-Za-z0-9].*==", text, re.MULTILINE))
    assert sum(p.lines.count("--hash=") for p in packages) == text.count("--hash=")
    assert all(p.asked_by for p in packages)
    kept = {plain(p.name) for p in needed_to_run(packages)}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    asked = {plain(re.split(r"[<>=\[; ]", one)[0]) for one in project["dependencies"]}
    assert asked <= kept
    assert not kept & {"pytest", "playwright", "mypy", "ruff", "atheris", "pip-audit"}
    # what is needed by what is needed comes along
    assert {"starlette", "h11", "llvmlite"} <= kept


def test_the_cut_follows_who_asks() -> None:
    def locked(name: str, *asked_by: str) -> Locked:
        return Locked(name, name, frozenset(asked_by))

    packages = [
        locked("a", "yikezhong (pyproject.toml)"),
        locked("b", "a", "t"),
        locked("c", "b"),
        locked("t", "yikezhong (pyproject.toml:dev)"),
        locked("u", "t"),
    ]
    assert [p.name for p in needed_to_run(packages)] == ["a", "b", "c"]


def test_hashes_are_as_sha256sum_checks_them(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one").write_bytes(b"1")
    (tmp_path / "two").write_bytes(b"2")
    write_hashes(tmp_path)
    check = ["sha256sum", "--quiet", "-c", "SHA256SUMS"]
    assert subprocess.run(check, cwd=tmp_path, check=False).returncode == 0
    (tmp_path / "two").write_bytes(b"3")
    done = subprocess.run(check, cwd=tmp_path, check=False, capture_output=True)
    assert done.returncode != 0


def test_the_installer_refuses_what_it_cannot_install(tmp_path: Path) -> None:
    """No Python of the right version, another processor, a changed file."""
    subprocess.run(["sh", "-n", INSTALLER], check=True)
    shutil.copy2(INSTALLER, tmp_path)
    about = '{{"version": "1", "python": "{}", "platform": "linux-{}"}}\n'
    python = "{}.{}".format(*sys.version_info[:2])
    target = tmp_path / "target"

    def install(**environment: str) -> str:
        done = subprocess.run(
            ["sh", tmp_path / "install.sh", target],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1 and not target.exists()
        return done.stderr

    (tmp_path / "bundle.json").write_text(about.format(python, "other"), "utf-8")
    assert "处理器" in install()
    machine = os.uname().machine
    (tmp_path / "bundle.json").write_text(about.format("2.0", machine), "utf-8")
    assert "需要 Python 2.0" in install()
    assert "需要 Python 2.0" in install(PYTHON=sys.executable)
    (tmp_path / "bundle.json").write_text(about.format(python, machine), "utf-8")
    write_hashes(tmp_path)
    (tmp_path / "more").write_bytes(b"")
    hashes = tmp_path / "SHA256SUMS"
    hashes.write_text(hashes.read_text("utf-8") + f"{'0' * 64}  more\n", "utf-8")
    assert "校验未通过" in install(PYTHON=sys.executable)


#: Runs an installation from demonstration to page; loopback is all there is.
STORY = """
set -eu
ip link set lo up 2>/dev/null || true
"$bundle/install.sh" "$target"
cd "$work"
"$target/bin/yikezhong" demo study --scale county
"$target/bin/yikezhong" run study --out result
"$target/bin/yikezhong" report result --out reports --format docx
"$target/bin/yikezhong" serve result --port "$port" >served 2>&1 &
served=$!
"$target/venv/bin/python" - <<'PY'
import os, time, urllib.request
address = f"http://127.0.0.1:{os.environ['port']}"
for _ in range(240):
    try:
        page = urllib.request.urlopen(address + "/maps/", timeout=30).read().decode()
        break
    except OSError:
        time.sleep(0.25)
script = urllib.request.urlopen(address + "/static/lib/leaflet/leaflet.js").read()
assert "一刻钟" in page and len(script) > 100_000
try:
    urllib.request.urlopen("http://192.0.2.1/", timeout=2)
except OSError:
    print("no network")
PY
kill "$served"
wait "$served"
"""


@pytest.mark.skipif(not os.environ.get("YIKEZHONG_SOAK"), reason="YIKEZHONG_SOAK=1")
def test_the_bundle_installs_and_serves_without_a_network(tmp_path: Path) -> None:
    archive = make_bundle(tmp_path / "dist")
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path / "unpacked", filter="data")
    (bundle,) = (tmp_path / "unpacked").iterdir()
    (tmp_path / "work").mkdir()
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("YIKEZHONG_")},
        "bundle": str(bundle),
        "target": str(tmp_path / "target"),
        "work": str(tmp_path / "work"),
        "port": str(free_port()),
        "PYTHON": sys.executable,
        # the registry's settings of this user are none of the installer's
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
    }
    apart = subprocess.run(["unshare", "-n", "true"], check=False, capture_output=True)
    alone = ["unshare", "-n"] if apart.returncode == 0 else []
    if not alone:
        # not allowed here: what goes through a proxy goes nowhere
        environment |= dict.fromkeys(
            ("http_proxy", "https_proxy"), "http://127.0.0.1:9"
        )
        environment["no_proxy"] = "127.0.0.1"
    done = subprocess.run(
        [*alone, "bash", "-c", STORY],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no network" in done.stdout and "安装完成" in done.stdout
    assert list((tmp_path / "work" / "reports").glob("*.docx"))
