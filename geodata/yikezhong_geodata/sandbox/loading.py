"""Load a whole study in a child, and take it over."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.databases.working_copy import (
    errors_named,
    named_after_tables,
    refuse_tables,
    table_names,
    working_study,
)
from yikezhong_geodata.layer_keys import layer_keys
from yikezhong_geodata.plan_inputs import load_plans
from yikezhong_geodata.sandbox.call import SandboxLimits, run_apart
from yikezhong_geodata.sandbox.frames import ExchangeError
from yikezhong_geodata.sandbox.layer_cache import LayerCache
from yikezhong_geodata.sandbox.layer_files import (
    FiledLayers,
    read_demand,
    read_layer,
    read_report,
    whole_layers,
)
from yikezhong_geodata.sandbox.reader import READERS
from yikezhong_geodata.services import load_services
from yikezhong_geodata.spec import STUDY_FILE, read_spec
from yikezhong_geodata.study import Progress, Study
from yikezhong_geodata.study_layers import LAYER_NAMES, Consent, make_layers

_TASK: Final = "yikezhong_geodata.sandbox.loading:load_into_files"


def load_study_apart(
    folder: Path,
    *,
    as_of: dt.date,
    accept_datum: bool = False,
    accept_repairs: bool = False,
    progress: Progress | None = None,
    limits: SandboxLimits | None = None,
    workspace: Path | None = None,
    cache: Path | None = None,
) -> Study:
    """Read a study folder in a child process with bounds and without network.

    The arguments are those of :func:`~yikezhong_geodata.study.load_study`, and so is
    the result, to the last bit.

    Parameters
    ----------
    limits : SandboxLimits, optional
        What the child may take.
    workspace : Path, optional
        Where the files that are handed over are put for a moment; the system's
        temporary folder where it is left out.
    cache : Path, optional
        Folder in which layers are kept from run to run by the hash of what they are
        made of; only those of this run stay. The files that are handed over are put
        there too.

    Raises
    ------
    InputError
        If a layer cannot be used, or the child died of it.
    """
    if cache is None or not cache.is_dir():
        READERS.prepare()  # all will have to be read
    consent = Consent(accept_datum, accept_repairs)
    kept = None if cache is None else LayerCache(cache)
    with (
        working_study(folder, progress=progress) as ready,
        _working_folder(kept, workspace) as working,
    ):
        names = table_names(ready)
        asked = _Asked(ready, as_of, consent)
        with errors_named(names):
            layers, isolated = _read_layers(
                asked, working, kept, limits or SandboxLimits(), progress
            )
        study = _take_over(folder, layers, as_of=as_of)
    if kept is not None:
        kept.prune(list(layers.values()))
    study = named_after_tables(study, names)
    if not isolated:
        report_open_network(study.report)
    return study


@dataclass(frozen=True)
class _Asked:
    """What is to be read: a folder of files, for a day, with what consent."""

    folder: Path
    as_of: dt.date
    consent: Consent

    @property
    def root(self) -> Path:
        """The study folder itself."""
        is_file = self.folder.name == STUDY_FILE
        return self.folder.parent if is_file else self.folder

    def keys(self) -> dict[str, str]:
        """Return the keys of the layers."""
        spec = replace(read_spec(self.folder), as_of=self.as_of)
        return layer_keys(spec, self.root, consent=self.consent)


@contextmanager
def _working_folder(kept: LayerCache | None, workspace: Path | None) -> Iterator[Path]:
    if kept is not None:
        with kept.working_folder() as folder:
            yield folder
        return
    with tempfile.TemporaryDirectory(prefix="yikezhong-", dir=workspace) as name:
        yield Path(name)


def _read_layers(
    asked: _Asked,
    working: Path,
    kept: LayerCache | None,
    limits: SandboxLimits,
    progress: Progress | None,
) -> tuple[dict[str, Path], bool]:
    """Return the folder of each layer, and whether all were read without a network."""
    keys = {} if kept is None else asked.keys()
    found = {} if kept is None else kept.find(keys)
    folders = {name: layer.folder for name, layer in found.items()}
    isolated = all(layer.isolated for layer in found.values())
    if len(folders) == len(LAYER_NAMES):
        if progress is not None:
            progress("完成", 1.0)
        return folders, isolated
    payload = {
        "folder": str(asked.folder.resolve()),
        "as_of": asked.as_of.isoformat(),
        "accept_datum": asked.consent.datum,
        "accept_repairs": asked.consent.repairs,
        "kept": {name: str(path.resolve()) for name, path in folders.items()},
    }
    answer = run_apart(_TASK, payload, folder=working, limits=limits, progress=progress)
    for name, made in whole_layers(working).items():
        folders[name] = (
            made
            if kept is None
            else kept.keep(name, keys[name], made, isolated=answer.isolated)
        )
    return folders, isolated and answer.isolated


def report_open_network(report: DataReport) -> None:
    """Note that the files were read by a process that had the network."""
    report.add(
        "study", STUDY_FILE, None, None, "network_not_cut",
        message="本机系统不允许断开网络，读取文件的进程没有与网络隔离",
    )  # fmt: skip


def load_into_files(
    payload: dict[str, Any], folder: Path, tell: Callable[[str, float], None]
) -> dict[str, Any]:
    """Read the layers of a study that are not kept into files; the child's part."""
    study = Path(payload["folder"])
    tell("读取项目配置", 0.0)
    spec = read_spec(study)
    refuse_tables(spec)
    root = study.parent if study.name == STUDY_FILE else study
    make_layers(
        replace(spec, as_of=dt.date.fromisoformat(payload["as_of"])),
        folder=root,
        services=load_services(
            root / spec.services_file if spec.services_file else None
        ),
        layers=FiledLayers(
            {name: Path(path) for name, path in payload["kept"].items()}, folder
        ),
        consent=Consent(payload["accept_datum"], payload["accept_repairs"]),
        tell=tell,
    )
    return {}


def _take_over(folder: Path, layers: dict[str, Path], *, as_of: dt.date) -> Study:
    """Return the study out of the layers' files; settings and plans are our own."""
    if set(layers) != set(LAYER_NAMES):
        raise ExchangeError("读取进程没有交回全部图层")
    spec = read_spec(folder)
    folder = folder.parent if folder.name == STUDY_FILE else folder
    services = load_services(
        folder / spec.services_file if spec.services_file else None
    )
    report = DataReport()
    for name in LAYER_NAMES:
        part = read_report(layers[name])
        report.findings.extend(part.findings)
        report.counts.extend(part.counts)
    inputs, divisions = read_layer("plans", layers["plans"])
    plans = load_plans(spec, folder=folder, services=services)
    return Study(
        spec=replace(spec, as_of=as_of),
        name=spec.name,
        as_of=as_of,
        divisions=divisions,
        facilities=read_layer("facilities", layers["facilities"]),
        demand=read_demand(layers["people"]),
        roads=read_layer("roads", layers["roads"]),
        services=services,
        report=report,
        folder=folder,
        plan_inputs=replace(inputs, plans=plans),
    )
