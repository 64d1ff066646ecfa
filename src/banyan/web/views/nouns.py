"""The addresses of a noun: each finds the noun and hands over to the view of its name."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from banyan.kernel import registry
from banyan.kernel.commands import execute
from banyan.lib.labels import L
from banyan.web import asked as asking
from banyan.web.answers import go, part
from banyan.web.views import beside, boards, chain, dialogs, forms, imports, lists, prints


def _of_noun(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    @wraps(view)
    def found(request: HttpRequest, module: str, plural: str, **more: str) -> HttpResponse:
        return view(
            request, registry.noun_at(f"{module}/{plural}"), **{k: _read(k, v) for k, v in more.items()}
        )

    return found


def _read(name: str, value: str) -> str | UUID:
    if name not in ("key", "batch", "attachment", "view"):
        return value
    try:
        return UUID(value)
    except ValueError:
        raise Http404 from None


@_of_noun
def listing(request: HttpRequest, noun) -> HttpResponse:
    """Give a noun's list, its board, or the counts of either."""
    asked = asking.read(request, noun)
    if request.GET.get("_part") == "counts":
        return lists.counts(request, noun, asked)
    if asked.layout == "board" and noun.spec.life:
        return boards.board_page(request, noun, asked)
    return lists.list_page(request, noun, asked)


@_of_noun
def export(request: HttpRequest, noun, form: str) -> HttpResponse:
    if form not in lists.EXPORTS:
        raise Http404
    return lists.export(request, noun, form)


@_of_noun
def save_view(request: HttpRequest, noun) -> HttpResponse:
    """Ask for the name of a view, and keep it."""
    if request.method != "POST":
        return part(
            request,
            "web/view_dialog.html",
            {"spec": noun.spec, "path": f"/{noun.spec.path}", "text": request.GET.urlencode(safe=":,")},
        )
    data = {
        "noun": noun.spec.key,
        "name": request.POST.get("name", ""),
        "query": request.POST.get("query", ""),
        "layout": "board" if "layout=board" in request.POST.get("query", "") else "list",
        "is_shared": request.POST.get("is_shared") == "on",
        "is_default": request.POST.get("is_default") == "on",
    }
    made = execute(request.ctx, registry.command("self.view.save"), data=data).value
    return go(request, f"/{noun.spec.path}?view={made.pk}", L("视图已保存", "View saved"))


@_of_noun
def remove_view(request: HttpRequest, noun, view: UUID) -> HttpResponse:
    execute(request.ctx, registry.command("self.view.remove"), data={"view": str(view)})
    return go(request, f"/{noun.spec.path}?all=1", L("视图已删除", "View removed"))


remove_view = require_POST(remove_view)
move_choice = _of_noun(boards.move_choice)
new = _of_noun(forms.new_page)
shape = _of_noun(forms.shape_part)
read = _of_noun(forms.read_page)
edit = _of_noun(forms.edit_page)
run = _of_noun(dialogs.run)
timeline = _of_noun(beside.timeline)
comment = _of_noun(beside.comment)
attachments = _of_noun(beside.attachments)
detach = _of_noun(beside.detach)
chain_map = _of_noun(chain.chain)
wizard = _of_noun(imports.wizard)
example = _of_noun(imports.example)
checked_import = _of_noun(imports.checked_page)
undo_import = _of_noun(imports.undo)
print_dialog = _of_noun(prints.print_dialog)
print_record = _of_noun(prints.print_record)
print_records = _of_noun(prints.print_records)
