"""Uploads as the service keeps them: brought, looked at, confirmed, discarded."""

from __future__ import annotations

import errno
import secrets
import shutil
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from yikezhong_app.jobs.pool import LazyPool
from yikezhong_app.jobs.records import OVER, Job
from yikezhong_app.settings import Settings
from yikezhong_app.uploads.file_names import safe_name
from yikezhong_app.uploads.records import (
    CHECK,
    CHECK_FILE,
    DONE_FILE,
    FOLDER,
    STUDY_FOLDER,
    UPDATE,
    Upload,
    read_json,
    read_uploads,
    write_upload,
)
from yikezhong_app.uploads.recovery import put_right
from yikezhong_app.uploads.request import UploadRequest
from yikezhong_app.uploads.upload_errors import (
    StorageError,
    UploadsFullError,
    UploadStateError,
)
from yikezhong_app.web.request_errors import UnknownRecordError
from yikezhong_coverage.errors import PlannerError
from yikezhong_geodata.opening import GIB
from yikezhong_geodata.sandbox.call import SandboxLimits
from yikezhong_geodata.spec import STUDY_FILE
from yikezhong_geodata.study_sources import (
    StudySource,
    choose_source,
    exchanged,
    list_sources,
)
from yikezhong_geodata.study_versions import (
    StudyBusyError,
    changing,
    copy_study,
    current_study,
    current_version,
    study_files,
)

_NAME_SHOWN: Final = 200


@dataclass(frozen=True)
class UploadState:
    """An upload with how far it is.

    Parameters
    ----------
    upload : Upload
    status : str
        checking, ready, refused, publishing or published.
    found : mapping
        What the check wrote: ``report``, ``preview``, ``error`` …; empty before.
    job : Job or None
        What is being done, or failed last.
    done : mapping or None
        The versions that it became.
    """

    upload: Upload
    status: str
    found: dict[str, Any]
    job: Job | None
    done: dict[str, Any] | None


class UploadStore:
    """The uploads of one study.

    Parameters
    ----------
    settings : Settings
        With ``study``.
    pool : LazyPool
        Runs :data:`yikezhong_app.uploads.records.TASKS`.
    """

    def __init__(self, settings: Settings, root: Path, pool: LazyPool) -> None:
        self._settings = settings
        self._study = root
        self._root = root / FOLDER
        self._pool = pool
        self._lock = threading.Lock()
        #: Upload → its latest job.
        self._jobs: dict[str, str] = {}

    def sources(self) -> list[StudySource]:
        """Return the files of the current study that can be exchanged."""
        return list_sources(current_study(self._study))

    def bring(
        self, stream: BinaryIO, *, name: str, request: UploadRequest, by: str
    ) -> UploadState:
        """Keep a file beside the study and have it checked.

        Raises
        ------
        UploadsFullError
            If as many wait as may.
        SourceChoiceError
            If it is not clear which file it stands for.
        StorageError
            If it cannot be written; nothing is left then.
        """
        self.clean()
        upload_id = secrets.token_hex(8)
        folder = self._root / upload_id
        with self._lock:
            self._root.mkdir(exist_ok=True)
            if len([*self._root.iterdir()]) >= self._settings.upload_limit:
                raise UploadsFullError(
                    f"待处理的上传已满 {self._settings.upload_limit} 个",
                    hint="请先确认或放弃已有的上传",
                )
            folder.mkdir()
        try:
            upload = self._keep(folder, stream, name=name, request=request, by=by)
            self._check(upload)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            if isinstance(error, PlannerError):
                raise
            raise _storage_error(error) from error
        except PlannerError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return self.state(upload)

    def all(self) -> list[UploadState]:
        """Return all uploads, the newest first."""
        self.clean()
        return [self.state(upload) for upload in reversed(read_uploads(self._root))]

    def get(self, upload_id: str) -> UploadState:
        """Return one upload.

        Raises
        ------
        UnknownRecordError
            If there is none of that id, or it has expired.
        """
        self.clean()
        for upload in read_uploads(self._root):
            if upload.id == upload_id:
                return self.state(upload)
        raise UnknownRecordError(f"没有编号为“{upload_id}”的上传，可能已过期")

    def confirm(self, upload_id: str, *, by: str) -> UploadState:
        """Begin to make an upload part of the study.

        Raises
        ------
        UploadStateError
            If it has not been checked, was refused, or is part of it already.
        """
        with self._lock:
            found = self.get(upload_id)
            if found.status != "ready":
                raise UploadStateError(
                    f"现在不能确认：{_STATUS_WORDS[found.status]}", hint=None
                )
            upload = found.upload
            payload = {
                **self._payload(upload),
                "out": str(self._settings.out.resolve()),
                "key": found.found["key"],
                "base": upload.base,
                "base_key": found.found["base_key"],
                "note": {
                    "by": by,
                    "base": upload.base,
                    "layer": upload.layer,
                    "file": upload.file,
                    "replaces": upload.replaces,
                },
            }
            self._begin(upload, UPDATE, payload, self._settings.update_seconds)
        return self.state(upload)

    def discard(self, upload_id: str) -> None:
        """Forget an upload; the study is not touched.

        Raises
        ------
        UploadStateError
            If it is being made part of the study.
        """
        with self._lock:
            found = self.get(upload_id)
            if found.status == "publishing":
                raise UploadStateError("正在更新，不能放弃", hint="请等它结束")
            if found.job is not None:
                self._pool().cancel(found.job.id)
            self._forget(upload_id)

    def clean(self) -> None:
        """Remove what has expired, and what a service that died left half kept."""
        if not self._root.is_dir():
            return
        known = {upload.id: upload for upload in read_uploads(self._root)}
        limit = time.time() - self._settings.upload_keep_seconds
        for folder in self._root.iterdir():
            upload = known.get(folder.name)
            born = folder.stat().st_mtime if upload is None else upload.created
            if born < limit and self._active(folder.name) is None:
                self._forget(folder.name)

    def put_right(self) -> None:
        """Finish or take back an update whose service died; when the service starts."""
        try:
            with changing(self._study):
                put_right(self._study, self._settings.out)
        except StudyBusyError:
            return  # another process is at it, and puts it right itself

    def state(self, upload: Upload) -> UploadState:
        """Return how far an upload is."""
        folder = self._root / upload.id
        done, found = read_json(folder / DONE_FILE), read_json(folder / CHECK_FILE)
        job = self._job(upload.id)
        if done is not None:
            status = "published"
        elif job is not None and job.kind == UPDATE and job.status not in OVER:
            status = "publishing"
        elif found is not None:
            status = "refused" if found["error"] else "ready"
        elif job is not None and job.status not in OVER:
            status = "checking"
        else:
            status, found = "refused", {"error": _interruption(job)}
        return UploadState(upload, status, found or {}, job, done)

    # --- steps ---------------------------------------------------------------

    def _keep(
        self,
        folder: Path,
        stream: BinaryIO,
        *,
        name: str,
        request: UploadRequest,
        by: str,
    ) -> Upload:
        """Build the candidate study: the current one with the file in it."""
        study, base = current_study(self._study), current_version(self._study)
        replaced = choose_source(
            list_sources(study), request.layer, source_id=request.source
        )
        old = None if replaced is None else replaced.file
        taken = [path.name for path in study_files(study) if path.name != old]
        file = safe_name(name, taken=[*taken, STUDY_FILE])
        candidate = folder / STUDY_FOLDER
        copy_study(study, candidate, without=old, link=True)
        with (candidate / file).open("xb") as kept:
            shutil.copyfileobj(stream, kept, 2**20)
        text, source = exchanged(
            study,
            request.layer,
            replaced=replaced,
            file=file,
            settings=request.settings(),
        )
        # a new file: the old one is shared with the study
        (candidate / STUDY_FILE).unlink()
        (candidate / STUDY_FILE).write_text(text, encoding="utf-8")
        upload = Upload(
            id=folder.name,
            name=name[:_NAME_SHOWN],
            file=file,
            layer=request.layer,
            source=source,
            replaces=old,
            bytes=(candidate / file).stat().st_size,
            created=time.time(),
            by=by,
            base=base,
            request=request.model_dump(exclude_none=True, exclude_defaults=True),
        )
        write_upload(folder, upload)
        return upload

    def _check(self, upload: Upload) -> None:
        limit_s = self._settings.upload_seconds
        self._begin(upload, CHECK, self._payload(upload), limit_s + 30)

    def _payload(self, upload: Upload) -> dict[str, Any]:
        limits = SandboxLimits(
            memory_bytes=self._settings.upload_memory_bytes,
            cpu_s=int(2 * self._settings.upload_seconds) + 1,
            wall_s=self._settings.upload_seconds,
            file_bytes=2 * GIB,
        )
        return {
            "folder": str((self._root / upload.id).resolve()),
            "root": str(self._study.resolve()),
            "limits": asdict(limits),
            "check": {
                "layer": upload.layer,
                "source": upload.source,
                "file": upload.file,
                "accept_datum": bool(upload.request.get("accept_datum")),
                "accept_repairs": bool(upload.request.get("accept_repairs")),
            },
        }

    def _begin(
        self, upload: Upload, kind: str, payload: dict[str, Any], limit_s: float
    ) -> None:
        asked = {"upload": upload.id}
        job = self._pool().submit(kind, asked, payload=payload, limit_s=limit_s)
        self._jobs[upload.id] = job.id

    def _job(self, upload_id: str) -> Job | None:
        job_id = self._jobs.get(upload_id)
        return None if job_id is None else self._pool().get(job_id)

    def _active(self, upload_id: str) -> Job | None:
        job = self._job(upload_id)
        return job if job is not None and job.status not in OVER else None

    def _forget(self, upload_id: str) -> None:
        shutil.rmtree(self._root / upload_id, ignore_errors=True)
        self._jobs.pop(upload_id, None)


_STATUS_WORDS: Final = {
    "checking": "还在检查",
    "refused": "检查没有通过",
    "publishing": "已在更新",
    "published": "已经更新",
}


def _interruption(job: Job | None) -> dict[str, Any]:
    """Return why a check ended without a result."""
    told = job.error if job is not None and job.error is not None else {}
    message = str(told.get("message") or "检查被中断")
    return {
        "code": str(told.get("code") or "Interrupted"),
        "message": message,
        "hint": "请重新上传",
        "status": int(told.get("status") or 503),
        "text": f"{message}。请重新上传",
    }


def _storage_error(error: OSError) -> StorageError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageError("磁盘空间不足，文件没有保存", hint="请联系管理员")
    return StorageError(
        f"无法写入研究目录（{error.strerror}），文件没有保存", hint="请联系管理员"
    )
