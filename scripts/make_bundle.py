"""Make one archive that installs yikezhong on a closed network: ``make bundle``.

In it: the wheels of the locked run-time set for this platform and Python, our own wheel
with the browser libraries, a Chinese font of the system's package, the installer, the
examples of ``deploy/`` and their documentation, and a list of hashes of it all.
"""

from __future__ import annotations

import argparse
import ensurepip
import hashlib
import json
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
#: Who asks for a package in the lock: the project itself, not its development group.
_PROJECT: Final = "yikezhong (pyproject.toml)"
_BLOCK: Final = re.compile(
    r"^(?P<name>[A-Za-z0-9._-]+)==.*?(?=^[A-Za-z0-9]|\Z)", re.MULTILINE | re.DOTALL
)
FONT: Final = "NotoSansCJK-Regular.ttc"
#: Where the package fonts-noto-cjk of Debian has the font and its licence.
_FONT_FOLDER: Final = Path("/usr/share/fonts/opentype/noto")
_FONT_LICENCE: Final = Path("/usr/share/doc/fonts-noto-cjk/copyright")
#: pip itself: as the interpreter brings it, or Debian's package of it.
_PIP_FOLDERS: Final = (
    Path(ensurepip.__file__).parent / "_bundled",
    Path("/usr/share/python-wheels"),
)
_ASSETS: Final = "yikezhong_app/static/lib/manifest.json"
HASHES: Final = "SHA256SUMS"


class BundleError(RuntimeError):
    """The bundle cannot be made here."""


@dataclass(frozen=True)
class Locked:
    """A package of the lock: its lines, and who asks for it."""

    name: str
    lines: str
    asked_by: frozenset[str]


def read_lock(text: str) -> list[Locked]:
    """Return the packages of a lock file with their hashes and who asks for them."""
    found = []
    for match in _BLOCK.finditer(text):
        lines = match[0].splitlines()
        comments = [line.strip()[1:].strip() for line in lines if line[4:5] == "#"]
        asked_by = {c.removeprefix("via").strip() for c in comments} - {""}
        kept = "\n".join(line for line in lines if line[4:5] != "#")
        found.append(Locked(match["name"], kept.rstrip(" \\"), frozenset(asked_by)))
    return found


def needed_to_run(packages: Iterable[Locked]) -> list[Locked]:
    """Return the packages that the project needs to run, not to be developed."""
    packages = list(packages)
    kept: set[str] = set()
    while True:
        more = {p.name for p in packages if p.asked_by & (kept | {_PROJECT})}
        if more == kept:
            return [p for p in packages if p.name in kept]
        kept = more


def write_hashes(folder: Path) -> None:
    """Write the SHA-256 of every file, as ``sha256sum -c`` reads it."""
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder)}"
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != HASHES
    ]
    (folder / HASHES).write_text("\n".join(lines) + "\n", encoding="utf-8")


def make_bundle(out: Path) -> Path:
    """Make the archive in a folder and return it."""
    version = re.search(
        r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE
    )
    if version is None:
        raise BundleError("pyproject.toml 中没有版本号")
    tag = f"cp{sys.version_info.major}{sys.version_info.minor}"
    name = (
        f"yikezhong-{version[1]}-{tag}-{platform.system().lower()}-{platform.machine()}"
    )
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out) as scratch:
        folder = Path(scratch) / name
        shutil.copytree(ROOT / "deploy", folder / "deploy")
        shutil.copytree(folder / "deploy" / "bundle", folder, dirs_exist_ok=True)
        shutil.rmtree(folder / "deploy" / "bundle")
        shutil.copytree(ROOT / "docs", folder / "docs", ignore=_pictures)
        shutil.copy2(ROOT / "LICENSE", folder)
        about = {
            "version": version[1],
            "python": f"{sys.version_info.major}.{sys.version_info.minor}",
            "platform": sysconfig.get_platform(),
        }
        (folder / "bundle.json").write_text(json.dumps(about) + "\n", encoding="utf-8")
        _add_font(folder / "fonts")
        _add_wheels(folder)
        write_hashes(folder)
        archive = out / f"{name}.tar.gz"
        with tarfile.open(archive, "w:gz", compresslevel=1) as packed:
            packed.add(folder, arcname=name)
    return archive


def _pictures(_: str, names: list[str]) -> list[str]:
    return [name for name in names if name.endswith(".png")]


def _add_font(folder: Path) -> None:
    font = _FONT_FOLDER / FONT
    if not font.is_file():
        raise BundleError(
            "缺少中文字体，请以 root 运行：apt-get install fonts-noto-cjk"
        )
    folder.mkdir()
    shutil.copy2(font, folder)
    if _FONT_LICENCE.is_file():
        shutil.copy2(_FONT_LICENCE, folder / f"{FONT}.copyright")


def _add_wheels(folder: Path) -> None:
    wheels = folder / "wheels"
    wheels.mkdir()
    lock = read_lock((ROOT / "requirements.lock").read_text(encoding="utf-8"))
    wanted = "\n".join(package.lines for package in needed_to_run(lock)) + "\n"
    list_ = folder / "requirements.txt"
    list_.write_text(wanted, encoding="utf-8")
    _run(
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--require-hashes",
        "-r",
        str(list_),
        "-d",
        str(wheels),
    )
    _run("-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels))
    (own,) = wheels.glob("yikezhong-*.whl")
    if _ASSETS not in zipfile.ZipFile(own).namelist():
        raise BundleError("缺少浏览器资源，请先运行 make setup")
    digest = hashlib.sha256(own.read_bytes()).hexdigest()
    version = own.name.split("-")[1]
    list_.write_text(
        wanted + f"yikezhong=={version} \\\n    --hash=sha256:{digest}\n",
        encoding="utf-8",
    )
    pips = [p for place in _PIP_FOLDERS for p in sorted(place.glob("pip-*.whl"))]
    if not pips:
        raise BundleError("缺少 pip，请以 root 运行：apt-get install python3-pip-whl")
    (folder / "pip").mkdir()
    shutil.copy2(pips[0], folder / "pip")


def _run(*arguments: str) -> None:
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, check=False)
    if done.returncode:
        raise BundleError(f"没有成功：python {' '.join(arguments)}")


def main() -> None:
    """Make the bundle in the folder named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, nargs="?", default=ROOT / "dist")
    try:
        archive = make_bundle(parser.parse_args().out)
    except BundleError as error:
        sys.exit(f"错误：{error}")
    size = archive.stat().st_size / 2**20
    print(f"离线安装包：{archive}（{size:.0f} MiB）。解压后运行 ./install.sh")


if __name__ == "__main__":
    main()
