"""The browser libraries: installed from npm at set-up, verified, served by us.

:func:`main` (``scripts/install-assets``, run by ``make setup`` in a checkout) installs
the pinned npm packages, copies the files that pages use into ``static/lib/`` with
their licences, and writes ``static/lib/manifest.json`` with a SHA-256 of each. npm
checks each package against the integrity hash of ``package-lock.json``; the manifest
remembers those hashes, so that a second set-up finds nothing to do, and a changed
lock or a damaged copy is noticed.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

from yikezhong_coverage.errors import SourceError

#: Everything the service serves under ``/static``.
STATIC_FOLDER: Final = Path(__file__).resolve().parents[1] / "static"
#: The installed libraries; ignored by git, part of the wheel.
LIBRARY_FOLDER: Final = STATIC_FOLDER / "lib"
MANIFEST: Final = "manifest.json"

#: npm package -> file in the package -> file under ``static/lib/``.
LIBRARY_FILES: Final[Mapping[str, Mapping[str, str]]] = {
    "leaflet": {
        "LICENSE": "leaflet/LICENSE",
        "dist/leaflet.js": "leaflet/leaflet.js",
        "dist/leaflet.css": "leaflet/leaflet.css",
        "dist/images/layers.png": "leaflet/images/layers.png",
        "dist/images/layers-2x.png": "leaflet/images/layers-2x.png",
        "dist/images/marker-icon.png": "leaflet/images/marker-icon.png",
        "dist/images/marker-icon-2x.png": "leaflet/images/marker-icon-2x.png",
        "dist/images/marker-shadow.png": "leaflet/images/marker-shadow.png",
    },
    "leaflet.markercluster": {
        "MIT-LICENCE.txt": "leaflet.markercluster/LICENSE",
        "dist/leaflet.markercluster.js": (
            "leaflet.markercluster/leaflet.markercluster.js"
        ),
        "dist/MarkerCluster.css": "leaflet.markercluster/MarkerCluster.css",
    },
    "pbf": {
        "LICENSE": "pbf/LICENSE",
        "index.js": "pbf/pbf.js",
    },
    "swagger-ui-dist": {
        "LICENSE": "swagger-ui/LICENSE",
        "NOTICE": "swagger-ui/NOTICE",
        "swagger-ui-bundle.js.LICENSE.txt": "swagger-ui/swagger-ui-bundle.LICENSE.txt",
        "swagger-ui-bundle.js": "swagger-ui/swagger-ui-bundle.js",
        "swagger-ui.css": "swagger-ui/swagger-ui.css",
        "favicon-32x32.png": "swagger-ui/favicon-32x32.png",
    },
}


class LibraryError(SourceError):
    """A browser library is missing, damaged, or not the pinned one."""

    http_status: ClassVar[int] = 500


def install_libraries(root: Path, folder: Path = LIBRARY_FOLDER) -> bool:
    """Install the pinned libraries and copy what is used.

    Parameters
    ----------
    root : Path
        Folder with ``package.json`` and ``package-lock.json``.
    folder : Path
        Where the files go; replaced as a whole.

    Returns
    -------
    bool
        False where the right files were there already.

    Raises
    ------
    LibraryError
        If npm is missing or fails, the lock is not as it should be, or an installed
        package is not the pinned one.
    """
    pinned = read_lock(root / "package-lock.json")
    if _installed(folder) == pinned and not find_damage(folder):
        return False
    run_npm(root)
    _copy(root / "node_modules", folder, pinned)
    damage = find_damage(folder)
    if damage:
        raise LibraryError(f"浏览器库文件校验未通过：{'、'.join(damage)}")
    return True


def read_lock(path: Path) -> dict[str, dict[str, str]]:
    """Return version, integrity and licence of each package used, from the lock.

    Raises
    ------
    LibraryError
        If a package has no SHA-512 integrity hash, carries an address, or is missing.
    """
    try:
        packages = json.loads(path.read_text(encoding="utf-8"))["packages"]
    except (OSError, ValueError, KeyError) as error:
        raise LibraryError(
            "无法读取浏览器库的锁定文件", file=path.name, hint="请从版本库恢复该文件"
        ) from error
    for key, entry in packages.items():
        if key and not str(entry.get("integrity", "")).startswith("sha512-"):
            raise LibraryError(f"锁定文件中 {key} 缺少 SHA-512 校验值", file=path.name)
        if "resolved" in entry:
            raise LibraryError(f"锁定文件中 {key} 带有下载地址", file=path.name)
    pinned = {}
    for name in LIBRARY_FILES:
        entry = packages.get(f"node_modules/{name}")
        if entry is None:
            raise LibraryError(f"锁定文件中没有 {name}", file=path.name)
        pinned[name] = {key: entry[key] for key in ("version", "integrity", "license")}
    return pinned


def run_npm(root: Path) -> None:
    """Run ``npm ci --ignore-scripts`` in ``root``."""
    npm = shutil.which("npm")
    if npm is None:
        raise LibraryError(
            "未找到 npm，无法安装地图所需的浏览器库",
            hint="请先安装 Node.js 与 npm（Debian：apt-get install nodejs npm）",
        )
    done = subprocess.run(
        [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise LibraryError(
            f"npm ci 失败（退出码 {done.returncode}）：{done.stderr.strip()[-600:]}",
            hint="请检查网络或软件源后重试",
        )


def find_damage(folder: Path = LIBRARY_FOLDER) -> tuple[str, ...]:
    """Return the library files that are missing or differ from the manifest.

    Parameters
    ----------
    folder : Path
        The installed libraries.

    Returns
    -------
    tuple of str
        Paths relative to ``folder``, sorted; empty where all is well. A missing or
        unreadable manifest is itself in the list.
    """
    listed = _read_manifest(folder).get("files", {})
    wanted = {target for files in LIBRARY_FILES.values() for target in files.values()}
    if not wanted <= set(listed):
        return (MANIFEST,)
    return tuple(
        sorted(
            target
            for target in wanted
            if not (folder / target).is_file()
            or _sha256(folder / target) != listed[target]["sha256"]
        )
    )


def main() -> int:
    """Install the libraries of the checkout this file stands in."""
    root = Path(__file__).resolve().parents[3]
    try:
        changed = install_libraries(root)
    except LibraryError as error:
        print(error, file=sys.stderr)
        return 1
    done = "已安装并校验" if changed else "已就绪，校验无误"
    names = "、".join(
        f"{name} {entry['version']}"
        for name, entry in _installed(LIBRARY_FOLDER).items()
    )
    print(f"浏览器库{done}：{names}")
    return 0


def _copy(modules: Path, folder: Path, pinned: dict[str, dict[str, str]]) -> None:
    new = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    files: dict[str, dict[str, str]] = {}
    for name, wanted in LIBRARY_FILES.items():
        package = modules / name
        version = json.loads((package / "package.json").read_text("utf-8"))["version"]
        if version != pinned[name]["version"]:
            raise LibraryError(
                f"安装的 {name} 为 {version}，应为 {pinned[name]['version']}"
            )
        for source, target in wanted.items():
            if not (package / source).is_file():
                raise LibraryError(f"{name} {version} 中没有文件 {source}")
            path = new / target
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(package / source, path)
            files[target] = {"package": name, "sha256": _sha256(path)}
    manifest = {"packages": pinned, "files": dict(sorted(files.items()))}
    text = json.dumps(manifest, ensure_ascii=False, indent=1) + "\n"
    (new / MANIFEST).write_text(text, encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    new.rename(folder)


def _installed(folder: Path) -> dict[str, dict[str, str]]:
    packages: dict[str, dict[str, str]] = _read_manifest(folder).get("packages", {})
    return packages


def _read_manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return manifest


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
