"""Write all that a page links into the page itself.

Modules cannot import each other's files from a page without a server: an import map
gives each a ``data:`` address instead. A module that is imported takes over the nonce
of the one that imports it, so the policy allows these scripts and no others.
"""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Final

from yikezhong_app.exports.export_errors import ExportFailedError
from yikezhong_app.maps.modules import IMPORT, read_modules
from yikezhong_app.maps.page import coverage_page
from yikezhong_app.maps.scaffold import with_nonce
from yikezhong_app.web.assets import STATIC_FOLDER
from yikezhong_app.web.base_maps import with_base_maps

_MAIN: Final = "main.js"
_PREFIX: Final = "yikezhong/"
_SHEET: Final = re.compile(
    r'<link rel="stylesheet" href="/static/([^"]+)"(?: media="([^"]+)")?\s*/?>'
)
_PRELOAD: Final = re.compile(r'<link rel="modulepreload" [^>]*>\n?')
_MODULE: Final = re.compile(r'<script type="module" src="/static/js/[^"]+"></script>')
_SCRIPT: Final = re.compile(r'<script src="/static/([^"]+)"></script>')
_IMAGE: Final = re.compile(r'(src|href)="/static/css/mark\.svg"')
_LEFT: Final = re.compile(r'(?:src|href)="/static/')


def inline_page(embedded: str, *, nonce: str) -> str:
    """Return the coverage page as one file.

    Parameters
    ----------
    embedded : str
        JSON with the view and the answers; see :mod:`exports.single_file`.
    nonce : str
        What the scripts of the file carry.

    Raises
    ------
    ExportFailedError
        If a library or module could end its script element early, or something linked
        is left.
    """
    page = with_base_maps(with_nonce(coverage_page(), nonce), ())
    page = _SHEET.sub(_sheet, _PRELOAD.sub("", page))
    page = _SCRIPT.sub(lambda m: _script(_read(m[1]), nonce=nonce), page)
    start = f'<script type="module" nonce="{nonce}">import "{_PREFIX}{_MAIN}";</script>'
    page = _MODULE.sub(lambda _: _import_map(nonce) + start, page)
    mark = _data_address("image/svg+xml", _read("css/mark.svg"))
    page = _IMAGE.sub(lambda m: f'{m[1]}="{mark}"', page)
    if _LEFT.search(page):
        raise ExportFailedError("页面中还有未写入文件的资源")
    policy = (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    head = f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
    page = page.replace("<head>\n", f'<head>\n<meta charset="utf-8">\n{head}', 1)
    data = (
        f'<script type="application/json" id="embedded">{safe_json(embedded)}</script>'
    )
    return page.replace("</body>", f"{data}\n</body>", 1)


def safe_json(text: str) -> str:
    r"""Return JSON that cannot end or open an element where it stands in a page.

    Examples
    --------
    >>> safe_json('"</script><!--"')
    '"\\u003c/script>\\u003c!--"'
    """
    return text.replace("<", "\\u003c")


def _import_map(nonce: str) -> str:
    imports = {
        _PREFIX + name: _data_address(
            "text/javascript", IMPORT.sub(rf'\1"{_PREFIX}\2"', text)
        )
        for name, text in read_modules(_MAIN).items()
    }
    text = safe_json(json.dumps({"imports": imports}))
    return f'<script type="importmap" nonce="{nonce}">{text}</script>\n'


def _script(text: str, *, nonce: str) -> str:
    if re.search(r"</script|<!--", text, re.IGNORECASE):
        raise ExportFailedError("脚本中有会提前结束的标记，不能写入文件")
    return f'<script nonce="{nonce}">{text}</script>'


def _sheet(match: re.Match[str]) -> str:
    text = _read(match[1])
    if "</style" in text.lower():
        raise ExportFailedError("样式中有会提前结束的标记，不能写入文件")
    # pictures of controls that the page does not have
    text = re.sub(r"url\(images/[^)]+\)", "none", text)
    return f"<style>{f'@media {match[2]} {{{text}}}' if match[2] else text}</style>"


def _data_address(media_type: str, text: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(text.encode()).decode()}"


def _read(name: str) -> str:
    return (Path(STATIC_FOLDER) / name).read_text(encoding="utf-8")
