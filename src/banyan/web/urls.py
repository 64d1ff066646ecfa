"""Addresses of pages. A noun's own come last, because their first two parts can be anything."""

from __future__ import annotations

from django.urls import path, re_path

from banyan.web.views import beside, find, go, home, inbox, jobs, me, nouns, prints, queries, sign_in

urlpatterns = [
    path("", home.home, name="home"),
    path("todo", home.todo, name="todo"),
    path("cards/figures", home.figure_cards, name="figure_cards"),
    path("cards/<str:key>", home.query_card, name="query_card"),
    path("login", sign_in.sign_in, name="sign_in"),
    path("logout", sign_in.sign_out, name="sign_out"),
    path("language", sign_in.outside_language, name="outside_language"),
    path("areas/<slug:key>", home.area, name="area"),
    path("find", find.find, name="find"),
    path("options/<str:key>", find.options, name="options"),
    path("options/<str:key>/resolve", find.resolve, name="resolve"),
    path("inbox", inbox.inbox, name="inbox"),
    path("inbox/count", inbox.count, name="inbox_count"),
    path("inbox/done", inbox.done, name="inbox_done"),
    path("jobs", jobs.all_jobs, name="jobs"),
    path("jobs/<uuid:key>", jobs.one_job, name="job"),
    path("jobs/<uuid:key>/cancel", jobs.cancel, name="job_cancel"),
    path("queries/<str:key>", queries.show, name="query"),
    re_path(
        r"^queries/(?P<key>[a-z][a-z0-9_.]*)/export\.(?P<form>csv|xlsx)$", queries.export, name="query_export"
    ),
    path("me", me.me, name="me"),
    path("me/password", me.password, name="password"),
    path("me/sessions/end-others", me.end_other_sessions, name="end_other_sessions"),
    path("me/sessions/<uuid:key>/end", me.end_session, name="end_session"),
    path("me/tokens", me.make_token, name="make_token"),
    path("me/tokens/<uuid:key>/revoke", me.revoke_token, name="revoke_token"),
    path("me/language", me.language, name="language"),
    path("me/theme", me.theme, name="theme"),
    path("me/plant", me.plant, name="plant"),
    path("go", go.scan, name="scan"),
    path("go/<str:short>/<path:ref>", go.go, name="go"),
    path("print/jobs/<uuid:key>.pdf", prints.printed, name="printed"),
    path("files", beside.upload, name="upload"),
    path("files/<uuid:attachment>", beside.open_file, name="file"),
    path("files/<uuid:attachment>/small", beside.open_file, {"small": True}, name="small_file"),
]

_NOUN = r"^(?P<module>[a-z][a-z0-9_]*)/(?P<plural>[a-z][a-z0-9_]*)"
_KEY = r"/(?P<key>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"


def _key(tail: str, view, name: str):
    return re_path(f"{_NOUN}{_KEY}{tail}$", view, name=name)


urlpatterns += [
    re_path(r"^print/" + _NOUN[1:] + r"$", nouns.print_dialog, name="print_dialog"),
    re_path(r"^print/" + _NOUN[1:] + r"\.pdf$", nouns.print_records, name="print_records"),
    re_path(r"^print/" + _NOUN[1:] + _KEY + r"\.pdf$", nouns.print_record, name="print"),
    re_path(_NOUN + r"$", nouns.listing, name="list"),
    re_path(_NOUN + r"/new$", nouns.new, name="new"),
    re_path(_NOUN + r"/shape$", nouns.shape, name="shape"),
    re_path(_NOUN + r"/import$", nouns.wizard, name="import"),
    re_path(_NOUN + r"/import/example$", nouns.example, name="import_example"),
    re_path(_NOUN + r"/import/(?P<batch>[0-9a-f-]{36})/undo$", nouns.undo_import, name="undo_import"),
    re_path(_NOUN + r"/import/checked/(?P<key>[0-9a-f-]{36})$", nouns.checked_import, name="checked_import"),
    re_path(_NOUN + r"/export\.(?P<form>csv|xlsx)$", nouns.export, name="export"),
    re_path(_NOUN + r"/views$", nouns.save_view, name="save_view"),
    re_path(_NOUN + r"/views/(?P<view>[0-9a-f-]{36})/remove$", nouns.remove_view, name="remove_view"),
    re_path(_NOUN + r"/move$", nouns.move_choice, name="move"),
    re_path(_NOUN + r"/do/(?P<name>[a-z][a-z0-9_]*)$", nouns.run, name="command"),
    _key("", nouns.read, "record"),
    _key("/edit", nouns.edit, "edit"),
    _key("/timeline", nouns.timeline, "timeline"),
    _key("/comment", nouns.comment, "comment"),
    _key("/files", nouns.attachments, "files"),
    _key(r"/files/(?P<attachment>[0-9a-f-]{36})/remove", nouns.detach, "detach"),
    _key("/chain", nouns.chain_map, "chain"),
]
