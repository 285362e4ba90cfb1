"""Names of uploaded files: what they may be called in a study's folder."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from pathlib import PurePosixPath
from typing import Final

_KEPT: Final = re.compile(r"[\w\-.()（）【】·]")
_MOST: Final = 80


def safe_name(given: str, *, taken: Collection[str] = ()) -> str:
    r"""Return a name for a file in a study's folder.

    Letters (Chinese ones too), digits and a few marks are kept; whatever leads to
    another folder, hides the file, steers a terminal or turns the direction of the
    text is not.

    Parameters
    ----------
    given : str
        As the browser says it.
    taken : collection of str
        Names that are there already, in any case.

    Examples
    --------
    >>> safe_name("C:\\台账\\养老 设施.XLSX"), safe_name("../../etc/passwd")
    ('养老_设施.xlsx', 'passwd')
    >>> safe_name(".htaccess"), safe_name("\u202ecod.csv"), safe_name("///")
    ('htaccess', 'cod.csv', '文件')
    >>> safe_name("Study.toml", taken=["study.toml"])
    'Study-2.toml'
    """
    name = unicodedata.normalize("NFC", given.replace("\\", "/")).rpartition("/")[2]
    kept = "".join(
        c if _KEPT.fullmatch(c) else "_"
        for c in name
        if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn")
    )
    path = PurePosixPath(re.sub(r"\.{2,}", ".", kept).strip("._- ") or "文件")
    suffix = path.suffix.lower()[:12]
    stem = path.stem[: _MOST - len(suffix)]
    lower = {other.casefold() for other in taken}
    name, number = f"{stem}{suffix}", 1
    while name.casefold() in lower:
        number += 1
        name = f"{stem}-{number}{suffix}"
    return name
