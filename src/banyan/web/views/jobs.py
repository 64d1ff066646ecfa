"""Long work: how far it is, what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from banyan.kernel import jobs
from banyan.kernel.context import Context
from banyan.kernel.models import JobRun, User
from banyan.kernel.spec import Tone
from banyan.lib.errors import NotFound
from banyan.lib.labels import L, Label
from banyan.web import acting
from banyan.web.answers import noted, page
from banyan.web.cells import Wording, number

SHOWN = 50
STATES: dict[str, tuple[Label, Tone]] = {
    "waiting": (L("等待", "Waiting"), "grey"),
    "running": (L("进行中", "Running"), "blue"),
    "done": (L("完成", "Done"), "green"),
    "failed": (L("失败", "Failed"), "red"),
    "cancelled": (L("已取消", "Cancelled"), "orange"),
}


@dataclass(frozen=True)
class Line:
    """A job as a page shows it."""

    id: UUID
    title: str
    who: str
    state: Label
    tone: Tone
    began: str
    ended: str
    done: str
    total: str
    share: int | None
    is_open: bool
    fault: str
    said: str
    path: str


def all_jobs(request: HttpRequest) -> HttpResponse:
    """Give one's own jobs, newest first; those of everybody to whoever may end them."""
    lines = _lines(request, list(_mine(request.ctx).order_by("-created_at")[:SHOWN]))
    return page(request, "web/jobs.html", {"lines": lines, "is_open": any(line.is_open for line in lines)})


def one_job(request: HttpRequest, key: UUID) -> HttpResponse:
    """Give one job with its progress; the page asks again while it runs."""
    run = _mine(request.ctx).filter(pk=key).first()
    if run is None:
        raise NotFound()
    return page(request, "web/job.html", {"line": _lines(request, [run])[0]})


@require_POST
def cancel(request: HttpRequest, key: UUID) -> HttpResponse:
    """Ask a job to stop."""
    jobs.cancel(request.ctx, key)
    return noted(
        HttpResponse(status=204), L("已请求停止", "Asked to stop"), tone="blue", **{"banyan:reload": True}
    )


def _mine(ctx: Context):
    rows = JobRun.objects.all()
    return rows if ctx.may("kernel.job.cancel") else rows.filter(created_by_id=ctx.person)


def _lines(request: HttpRequest, runs: list[JobRun]) -> list[Line]:
    wording = Wording(request.ctx.language, acting.zone_of(request))
    names = dict(User.objects.filter(pk__in={r.created_by_id for r in runs}).values_list("pk", "name"))
    return [_line(r, names, wording, request.ctx.language) for r in runs]


def _line(run: JobRun, names: dict[UUID, str], wording: Wording, language: str) -> Line:
    label, tone = STATES.get(run.state, (L(run.state, run.state), "grey"))
    result = run.result if isinstance(run.result, dict) else {}
    fault = ""
    if run.state == "failed":
        fault = result.get("detail") or str(L("出错了，详情在日志里", "It failed; the log has the rest"))
    share = round(100 * run.done / run.total) if run.total else (100 if run.state == "done" else None)
    path, said = result.get("path", ""), result.get("said")
    return Line(
        id=run.pk,
        title=run.title_zh if language == "zh" else run.title_en,
        who=names.get(run.created_by_id, ""),
        state=label,
        tone=tone,
        began=wording.instant(run.created_at),
        ended=wording.instant(run.finished_at) if run.finished_at else "",
        done=number(run.done),
        total=number(run.total) if run.total else "",
        share=share,
        is_open=run.finished_at is None,
        fault=fault,
        said=str(said.get(language, "")) if isinstance(said, dict) else "",
        path=path if isinstance(path, str) and path.startswith("/") and not path.startswith("//") else "",
    )
