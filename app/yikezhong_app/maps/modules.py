"""The JavaScript modules of a page: a module and all that it imports."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from yikezhong_app.web.assets import STATIC_FOLDER

#: The part before the address, and the name of a module beside the importing one.
IMPORT: Final = re.compile(r'(\bfrom\s+|\bimport\s+)"\./([\w.]+)"')


@cache
def read_modules(main: str) -> dict[str, str]:
    """Return the texts of a module of ``static/js`` and all that it imports, by name.

    Examples
    --------
    >>> modules = read_modules("main.js")
    >>> "dom.js" in modules, "siting.js" in modules
    (True, False)
    """
    found: dict[str, str] = {}
    waiting = [main]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found[name] = (STATIC_FOLDER / "js" / name).read_text(encoding="utf-8")
        waiting += [imported for _, imported in IMPORT.findall(found[name])]
    return dict(sorted(found.items()))
