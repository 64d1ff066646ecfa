"""The description of REST: OpenAPI 3.1, made from the registry and its Pydantic models once per epoch."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any

from pydantic import BaseModel

from banyan.kernel import exchange, queries, reading, registry
from banyan.kernel.commands import Command
from banyan.kernel.nouns import Noun
from banyan.kernel.queries import DeclaredQuery
from banyan.kernel.schema import Input
from banyan.lib.errors import DomainError, NotAllowed, NotAuthenticated
from banyan.lib.labels import L, Label
from banyan.web.rest import offered, schemas
from banyan.web.rest.answers import ROOT, MethodNotAllowed, body_of
from banyan.web.rest.examples import KEY, example_of

Node = dict[str, Any]

_PROBLEMS: dict[int, Label] = {
    400: L("请求内容的格式有误", "The request is malformed"),
    401: L("没有登录，或令牌无效", "Not signed in, or the token is not valid"),
    403: L("没有权限", "Not allowed"),
    404: L("找不到，或不在您的范围内", "It does not exist, or lies outside your scope"),
    405: L("此地址不支持该方法", "The method is not known here"),
    409: L("与现状冲突，或需要确认", "In conflict with the present state, or to be confirmed"),
    412: L("版本已更新", "The version has changed"),
    413: L("内容过大", "Too large"),
    415: L("格式不支持", "Unsupported format"),
    422: L("内容有误，逐项说明", "Invalid input, with the place of each fault"),
    428: L("须用 If-Match 注明版本", "If-Match must name the version"),
    429: L("请求过于频繁", "Too many requests"),
    503: L("同样的数据正被多人修改，可再试一次", "Many people are changing the same records; try again"),
}
_ALWAYS = (400, 401, 403, 405, 422, 429)
_WITH_BODY = (409, 413, 415, 503)


@lru_cache(maxsize=8)
def _made(epoch: int, language: str) -> Node:
    return _Description(language).document()


def document(language: str = "zh") -> Node:
    """Give the OpenAPI document of everything that the registry offers now."""
    return _made(registry.epoch, language)


@lru_cache(maxsize=8)
def _bytes(epoch: int, language: str) -> tuple[bytes, str]:
    body = body_of(_made(epoch, language))
    return body, f'"{hashlib.sha256(body).hexdigest()[:24]}"'


def encoded(language: str) -> tuple[bytes, str]:
    """Give the document as bytes, with its ETag."""
    return _bytes(registry.epoch, language)


class _Description:
    """Builds the document in one language."""

    def __init__(self, language: str) -> None:
        from banyan.web.rest.resources import Bulk

        self.language = language
        self.named: dict[str, Node] = {}
        self.inputs: dict[type[Input], Node] = {}
        models = [Bulk]
        for cmd in registry.commands():
            model = self._input(cmd)
            models += [model] if model else []
        models += [one.input for one in queries.queries() if one.input]
        self.inputs, self.named = schemas.of_inputs(models, language)
        self.answers: dict[str, Node] = {**_SHARED, **self._records()}
        self.examples: dict[str, Node] = {}
        self.bulk = self._body(Bulk)

    def say(self, zh: str, en: str) -> str:
        return L(zh, en).in_(self.language)

    # --- the whole ------------------------------------------------------------------------------------------

    def document(self) -> Node:
        paths: dict[str, Node] = {}
        self._fixed(paths)
        for noun in registry.nouns():
            self._noun(paths, noun)
        for cmd in registry.commands():
            if cmd.rest and cmd.on == "noun" and not registry.has_noun(cmd.noun):
                paths[f"/{cmd.key.replace('.', '/')}"] = {"post": self._command(cmd, None)}
        for asked in queries.queries():
            paths[f"/queries/{asked.key}"] = self._query(asked)
        return _pruned(
            {
                "openapi": "3.1.0",
                "info": {
                    "title": "Banyan 榕",
                    "version": "1",
                    "description": self.say(
                        "每个单据、档案和操作各有一个地址。数量和金额写成文本；时刻带时区；标识为 UUID。"
                        "写操作可带 Idempotency-Key，同一个键重复提交只做一次。"
                        "程序的每次调用有编号 X-Request-Id 和限额 RateLimit；可带 traceparent，事件和消息沿用。",
                        "Every noun and command has an address. Quantities and amounts are text, instants "
                        "carry a zone, keys are UUIDs. With an Idempotency-Key a request sent twice is "
                        "done once. Each call of a program is told its key (X-Request-Id) and what is left of its "
                        "limits (RateLimit); its traceparent goes on in events and messages.",
                    ),
                },
                "servers": [{"url": ROOT}],
                "security": [{"token": []}, {"oauth2": []}, {"session": []}],
                "tags": [
                    {"name": n.spec.key, "description": n.spec.plural.in_(self.language)}
                    for n in registry.nouns()
                ],
                "paths": paths,
                "components": {
                    "securitySchemes": self._security(),
                    "parameters": self._parameters(),
                    "headers": self._headers(),
                    "responses": {f"Problem{status}": self._problem(status) for status in _PROBLEMS},
                    "schemas": {**self.answers, **dict(sorted(self.named.items()))},
                    "examples": dict(sorted(self.examples.items())),
                },
            }
        )

    def _records(self) -> dict[str, Node]:
        found = {}
        for noun in registry.nouns():
            name = schemas.schema_name(noun.spec.key)
            found[name] = schemas.of_record(noun, self.language)
            found[f"{name}Page"] = {
                "type": "object",
                "required": ["items", "next"],
                "properties": {
                    "items": {"type": "array", "items": _ref(name)},
                    "next": {"type": ["string", "null"], "examples": [None]},
                },
            }
            found[f"{name}Done"] = {
                "type": "object",
                "required": ["record", "result"],
                "properties": {"record": {"anyOf": [_ref(name), {"type": "null"}]}, "result": _RESULT},
            }
        return found

    # --- a noun ---------------------------------------------------------------------------------------------

    def _noun(self, paths: dict[str, Node], noun: Noun) -> None:
        spec, name = noun.spec, schemas.schema_name(noun.spec.key)
        root, one = f"/{spec.path}", f"/{spec.path}/{{id}}"
        read = spec.permission("read")
        paths[root] = {
            "get": self._operation(
                f"{spec.key}.list",
                spec.plural,
                read,
                tag=spec.key,
                parameters=self._list_parameters(noun),
                responses={200: self._json(_ref(f"{name}Page"), example=self._page(noun))},
            )
        }
        paths[one] = {
            "parameters": [_parameter("id")],
            "get": self._operation(
                f"{spec.key}.read",
                spec.label,
                read,
                tag=spec.key,
                parameters=[_parameter("fields"), _parameter("expand"), _parameter("If-None-Match")],
                responses={200: self._json(_ref(name), "ETag"), 304: self._bare("未变", "Not changed")},
                more=(404,),
            ),
        }
        create = registry.command(spec.permission("create")) if offered.offers(noun, "create") else None
        if create:
            self._creating(paths, noun, create, name)
        if offered.offers(noun, "change"):
            cmd = registry.command(spec.permission("change"))
            paths[one]["patch"] = self._operation(
                cmd.key,
                cmd.label,
                cmd.permission,
                tag=spec.key,
                parameters=[_parameter("If-Match"), *_WRITING],
                body=self._body_of(cmd),
                responses={200: self._json(_ref(name), "ETag")},
                more=(404, 412, 428, *_WITH_BODY),
            )
        if offered.offers(noun, "delete"):
            cmd = registry.command(spec.permission("delete"))
            paths[one]["delete"] = self._operation(
                cmd.key,
                cmd.label,
                cmd.permission,
                tag=spec.key,
                parameters=[_parameter("If-Match"), *_WRITING],
                responses={204: self._bare("已删除", "Deleted")},
                more=(404, 409, 412, 428),
            )
        for part, label, answer in (
            ("timeline", L("动态", "Timeline"), "Timeline"),
            ("attachments", L("附件", "Attachments"), "Attachments"),
        ):
            paths[f"{one}/{part}"] = {
                "parameters": [_parameter("id")],
                "get": self._operation(
                    f"{spec.key}.{part}",
                    label,
                    read,
                    tag=spec.key,
                    responses={200: self._json(_ref(answer))},
                    more=(404,),
                ),
            }
        paths[f"{one}/attachments/{{attachment}}"] = {
            "parameters": [_parameter("id"), _parameter("attachment")],
            "get": self._operation(
                f"{spec.key}.attachment",
                L("附件内容", "An attachment's content"),
                read,
                tag=spec.key,
                responses={200: self._file("*/*")},
                more=(404,),
            ),
        }
        paths[f"{root}/bulk"] = {
            "post": self._operation(
                f"{spec.key}.bulk",
                L("批量", "Bulk"),
                self.say("所执行操作的权限", "that of the command"),
                tag=spec.key,
                parameters=list(_WRITING),
                body=self.bulk,
                responses={200: self._json(_ref("BulkDone"))},
                more=(404, 412, *_WITH_BODY),
            )
        }
        paths[f"{root}/export"] = {
            "get": self._operation(
                f"{spec.key}.export",
                L("导出", "Export"),
                read,
                tag=spec.key,
                parameters=[*self._list_parameters(noun), _parameter("format"), _parameter("full")],
                responses={
                    200: self._file(
                        "text/csv",
                        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
                        csv=self._csv(noun),
                    )
                },
            )
        }
        for cmd in registry.commands_of(spec.key):
            if offered.command_of(noun, cmd.name, on="records"):
                paths[f"{one}/{cmd.name}"] = {
                    "parameters": [_parameter("id")],
                    "post": self._command(cmd, name),
                }
            elif offered.command_of(noun, cmd.name, on="noun"):
                paths[f"{root}/{cmd.name}"] = {"post": self._command(cmd, name)}

    def _creating(self, paths: dict[str, Node], noun: Noun, create: Command, name: str) -> None:
        spec = noun.spec
        made = _ref(name) if offered.takes_tables(noun) else {"anyOf": [_ref(f"{name}Done"), _ref(name)]}
        paths[f"/{spec.path}"]["post"] = self._operation(
            create.key,
            create.label,
            create.permission,
            tag=spec.key,
            parameters=[*_WRITING, _parameter("Prefer")],
            body=self._body_of(create, one=offered.takes_tables(noun)),
            responses={
                201: self._json(made, "ETag", "Location"),
                200: self._json(made, "ETag", text=self.say("只试不做", "A dry run")),
            },
            more=(404, *_WITH_BODY),
        )
        if not offered.takes_tables(noun):
            return
        batch = {"parameters": [_parameter("batch")]}
        paths[f"/{spec.path}/import"] = {
            "post": self._operation(
                f"{spec.key}.import",
                L("导入", "Import"),
                create.permission,
                tag=spec.key,
                parameters=list(_WRITING),
                body=_UPLOAD_TABLE,
                responses={
                    201: self._json(_ref("ImportDone"), "Location"),
                    200: self._json(_ref("ImportCheck"), text=self.say("只试不做", "A dry run")),
                },
                more=(404, *_WITH_BODY),
            )
        }
        paths[f"/{spec.path}/import/{{batch}}"] = {
            **batch,
            "get": self._operation(
                f"{spec.key}.import_read",
                L("一次导入", "An import"),
                create.permission,
                tag=spec.key,
                responses={200: self._json(_ref("ImportDone"))},
                more=(404,),
            ),
        }
        if not offered.offers(noun, "delete"):
            return
        paths[f"/{spec.path}/import/{{batch}}/undo"] = {
            **batch,
            "post": self._operation(
                f"{spec.key}.import_undo",
                L("撤销导入", "Take an import back"),
                spec.permission("delete"),
                tag=spec.key,
                parameters=list(_WRITING),
                responses={200: self._json(_ref("ImportDone"))},
                more=(404, 409),
            ),
        }

    def _list_parameters(self, noun: Noun) -> list[Node]:
        spec = noun.spec
        sorts = [way for f in spec.fields if f.sortable for way in (f.key, f"-{f.key}")]
        found = [_parameter(name) for name in ("q", "cursor", "limit", "fields", "expand")]
        found.append({"name": "sort", "in": "query", "schema": {"type": "string", "enum": sorts}})
        for key in spec.filters:
            field = spec.field(key) if spec.has_field(key) else None
            if field is None or not field.filterable:
                continue
            schema: Node = {"type": "string"}
            if field.choices:
                schema = {"type": "string", "enum": [c.key for c in field.choices if c.key]}
            elif field.type == "boolean":
                schema = {"type": "string", "enum": ["true", "false"]}
            elif field.type in ("reference", "date"):
                schema = {"type": "string", "format": "uuid" if field.type == "reference" else "date"}
            found.append(
                {
                    "name": key,
                    "in": "query",
                    "schema": schema,
                    "description": self.say(
                        f"{field.label.zh}；另有 {key}__ 加 {'、'.join(reading.OPERATORS)}",
                        f"{field.label.en}; also {key}__ with {', '.join(reading.OPERATORS)}",
                    ),
                }
            )
        return found

    def _command(self, cmd: Command, name: str | None) -> Node:
        done = _ref(f"{name}Done") if name else _ref("Done")
        responses = {200: self._json(done, "ETag")}
        if cmd.on == "noun" and cmd.creates:
            responses[201] = self._json(done, "Location")
        parameters = [_parameter("If-Match-optional"), *_WRITING] if cmd.on == "records" else list(_WRITING)
        return self._operation(
            cmd.key,
            cmd.label,
            cmd.permission,
            tag=cmd.noun,
            help=cmd.help,
            parameters=parameters,
            body=self._body_of(cmd),
            responses=responses,
            more=(404, 412, *_WITH_BODY),
        )

    def _query(self, asked: DeclaredQuery) -> Node:
        answer = {
            "columns": [
                {"key": c.key, "label": c.label.in_(self.language), "type": c.type, "is_summed": c.is_summed}
                for c in asked.columns
            ],
            "items": [{c.key: example_of(schemas.of_column(c.type), {}, name=c.key) for c in asked.columns}],
        }
        self.examples[f"Asked.{asked.key}"] = {"value": answer}
        words: dict[str, Any] = {
            "tag": "queries",
            "help": asked.help,
            "responses": {200: self._json(_ref("Asked"), example=f"Asked.{asked.key}")},
        }
        return {
            "get": self._operation(
                f"queries.{asked.key}.read",
                asked.label,
                asked.permission,
                more=(404, 409),
                parameters=self._input_parameters(asked.input) if asked.input else None,
                **words,
            ),
            "post": self._operation(
                f"queries.{asked.key}",
                asked.label,
                asked.permission,
                more=(404, *_WITH_BODY),
                body=self._body(asked.input) if asked.input else None,
                **words,
            ),
        }

    def _input_parameters(self, model: type[BaseModel]) -> list[Node]:
        """Give a flat input's fields as parameters of the address."""
        schema = self.inputs[model]
        target = self.named[schema["$ref"].rsplit("/", 1)[-1]] if "$ref" in schema else schema
        return [
            {
                "name": name,
                "in": "query",
                "required": name in target.get("required", ()),
                "schema": _without_null(one),
                "description": " ".join(filter(None, (one.get("title"), one.get("description")))),
            }
            for name, one in target.get("properties", {}).items()
        ]

    # --- parts ----------------------------------------------------------------------------------------------

    def _operation(
        self,
        key: str,
        label: Label,
        permission: str,
        *,
        tag: str,
        responses: dict[int, Node],
        help: Label | None = None,
        parameters: list[Node] | None = None,
        body: Node | None = None,
        more: tuple[int, ...] = (),
    ) -> Node:
        found: Node = {
            "operationId": key,
            "summary": label.in_(self.language),
            "tags": [tag],
            "x-permission": permission,
            "description": " ".join(
                filter(
                    None,
                    (
                        help.in_(self.language) if help else "",
                        self.say(f"权限：{permission}", f"Permission: {permission}"),
                    ),
                )
            ),
        }
        if parameters:
            found["parameters"] = parameters
        if body:
            found["requestBody"] = body
        statuses = sorted({*_ALWAYS, *more} - set(responses))
        found["responses"] = {str(s): n for s, n in sorted(responses.items())} | {
            str(s): {"$ref": f"#/components/responses/Problem{s}"} for s in statuses
        }
        return found

    def _input(self, cmd: Command) -> type[Input] | None:
        return cmd.input_model() if cmd.rest else None

    def _body_of(self, cmd: Command, *, one: bool = False) -> Node | None:
        model = cmd.input_model()
        if model is None:
            return None
        if not one:
            return self._body(model)
        schema = self.inputs[model]
        inner = (self.named[schema["$ref"].rsplit("/", 1)[-1]] if "$ref" in schema else schema)["properties"][
            "records"
        ]["items"]
        return self._body_with(inner)

    def _body(self, model: type[Input]) -> Node:
        return self._body_with(self.inputs[model])

    def _body_with(self, schema: Node) -> Node:
        example = example_of(schema, self.named)
        target = self.named[schema["$ref"].rsplit("/", 1)[-1]] if "$ref" in schema else schema
        return {
            "required": bool(target.get("required")),
            "content": {"application/json": {"schema": schema, "example": example}},
        }

    def _json(self, schema: Node, *headers: str, text: str = "", example: str = "") -> Node:
        """Give an answer. Takes: example: the name of one; without, the schema's own"""
        usual = {"usual": {"$ref": f"#/components/examples/{example or self._example(schema)}"}}
        found: Node = {
            "description": text or "OK",
            "content": {"application/json": {"schema": schema, "examples": usual}},
        }
        found["headers"] = {
            name: {"$ref": f"#/components/headers/{name}"} for name in (*headers, "Content-Language")
        }
        return found

    def _example(self, schema: Node) -> str:
        """Give the name of the example of a named schema, of the first where there are several; it is made once."""
        name = schema.get("anyOf", [schema])[0]["$ref"].rsplit("/", 1)[-1]
        if name not in self.examples:
            self.examples[name] = {"value": example_of(self.answers[name], self.answers, whole=True)}
        return name

    def _page(self, noun: Noun) -> str:
        """Give the name of the example of a page of a list: a record with what a list shows."""
        name = schemas.schema_name(noun.spec.key)
        row = self.examples[self._example(_ref(name))]["value"]
        shown = {key: row[key] for key in ("id", "version", *noun.spec.list) if key in row}
        self.examples[f"{name}Page"] = {"value": {"items": [shown], "next": None}}
        return f"{name}Page"

    def _csv(self, noun: Noun) -> str:
        row = self.examples[self._example(_ref(schemas.schema_name(noun.spec.key)))]["value"]
        heads = [noun.spec.field(key).label.in_(self.language) for key in noun.spec.list]
        pieces = exchange.csv_of(heads, iter([[row[key] for key in noun.spec.list]]))
        return b"".join(pieces).decode("utf-8-sig")

    def _bare(self, zh: str, en: str) -> Node:
        return {"description": self.say(zh, en)}

    def _file(self, *kinds: str, csv: str = "") -> Node:
        return {
            "description": self.say("文件", "A file"),
            "content": {kind: {"example": csv} if kind == "text/csv" else {} for kind in kinds},
            "headers": {"Content-Disposition": {"schema": {"type": "string"}}},
        }

    def _problem(self, status: int) -> Node:
        example = _EXAMPLES.get(status)
        node: Node = {
            "description": _PROBLEMS[status].in_(self.language),
            "content": {"application/problem+json": {"schema": _ref("Problem")}},
        }
        if example:
            node["content"]["application/problem+json"]["example"] = example.as_problem(
                self.language, f"{ROOT}/items/items"
            )
        extra = {401: ("WWW-Authenticate",), 405: ("Allow",), 429: ("Retry-After", "RateLimit", "RateLimit-Policy")}
        node["headers"] = {
            name: {"$ref": f"#/components/headers/{name}"} for name in ("Content-Language", *extra.get(status, ()))
        }
        return node

    def _fixed(self, paths: dict[str, Node]) -> None:
        none = self.say("无需权限", "none")
        paths["/me"] = {
            "get": self._operation(
                "me", L("我是谁", "Who I am"), none, tag="me", responses={200: self._json(_ref("Me"))}
            )
        }
        paths["/find"] = {
            "get": self._operation(
                "find",
                L("查找", "Find"),
                none,
                tag="find",
                parameters=[_parameter("q"), _parameter("find-limit")],
                responses={200: self._json(_ref("Found"))},
            )
        }
        paths["/files"] = {
            "post": self._operation(
                "files.create",
                L("上传文件", "Keep a file"),
                none,
                tag="files",
                body=_UPLOAD_FILE,
                responses={201: self._json(_ref("File"))},
                more=_WITH_BODY,
            )
        }

    def _security(self) -> Node:
        return {
            "token": {
                "type": "http",
                "scheme": "bearer",
                "description": self.say("个人令牌", "A personal token"),
            },
            "oauth2": {
                "type": "oauth2",
                "flows": {
                    "clientCredentials": {
                        "tokenUrl": "/oauth/token",
                        "scopes": {
                            "*": self.say(
                                "账号的全部权限；也可写 sales.* 这样的权限",
                                "All the account may do; permissions such as sales.* narrow it",
                            )
                        },
                    }
                },
            },
            "session": {
                "type": "apiKey",
                "in": "cookie",
                "name": "sessionid",
                "description": self.say(
                    "浏览器会话；写操作另带 X-CSRFToken", "A browser's session; writes also send X-CSRFToken"
                ),
            },
        }

    def _parameters(self) -> Node:
        say = self.say
        text = {"type": "string"}
        uuid = {"type": "string", "format": "uuid"}
        rows = (
            ("id", "path", uuid, "标识", "Key"),
            ("attachment", "path", uuid, "附件", "Attachment"),
            ("batch", "path", uuid, "导入批次", "Import"),
            (
                "q",
                "query",
                {"type": "string", "maxLength": 200},
                "查找内容，任意语言的一部分",
                "What to find, any part in any script",
            ),
            ("cursor", "query", text, "上一页的 next", "The next of the page before"),
            (
                "limit",
                "query",
                {"type": "integer", "minimum": 1, "maximum": reading.MOST},
                "每页条数",
                "Records per page",
            ),
            (
                "fields",
                "query",
                text,
                "只要这些字段，用逗号分开；可含明细",
                "Only these fields, with commas; lines may be named",
            ),
            ("expand", "query", text, "把这些引用展开为 {id, title}", "Give these references as {id, title}"),
            ("format", "query", {"type": "string", "enum": ["csv", "xlsx"]}, "文件格式", "Form of the file"),
            (
                "full",
                "query",
                {"type": "string", "enum": ["true", "false"]},
                "所有可写字段和明细，可再导入",
                "Every writable field and line, to be imported again",
            ),
            (
                "If-Match",
                "header",
                {"type": "string", "examples": ['"v1"']},
                "所依据的版本",
                "The version it is based on",
            ),
            ("If-None-Match", "header", text, "已有的版本", "The version already held"),
            (
                "Idempotency-Key",
                "header",
                {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[ -~]+$"},
                "重复提交只做一次",
                "Sent twice it is done once",
            ),
            (
                "Dry-Run",
                "header",
                {"type": "string", "enum": ["true", "false"]},
                "只试不做",
                "Rehearse, write nothing",
            ),
            (
                "Prefer",
                "header",
                {"type": "string", "enum": ["return=minimal", "return=representation"]},
                "只要标识和版本，还是整条记录",
                "Only key and version, or the whole record",
            ),
            (
                "X-Device-Time",
                "header",
                {"type": "string", "format": "date-time"},
                "设备上的时刻",
                "The device's own time",
            ),
            (
                "X-Consent",
                "header",
                text,
                "同意的事项（needs_confirmation 的 code）",
                "What is consented to (codes of needs_confirmation)",
            ),
        )
        found = {
            name: {
                "name": name,
                "in": where,
                "schema": schema,
                "description": say(zh, en),
                "required": where == "path",
            }
            for name, where, schema, zh, en in rows
        }
        found["If-Match"]["required"] = False
        found["If-Match-optional"] = {
            **found["If-Match"],
            "description": say("所依据的版本；可省略", "The version it is based on; may be left out"),
        }
        found["find-limit"] = {**found["limit"], "schema": {"type": "integer", "minimum": 1, "maximum": 50}}
        return found

    def _headers(self) -> Node:
        rows = (
            ("ETag", '版本，如 "v3"', 'The version, such as "v3"'),
            ("Location", "新记录的地址", "The new record's address"),
            ("Content-Language", "语言", "Language"),
            ("WWW-Authenticate", "怎样登录", "How to sign in"),
            ("Allow", "可用的方法", "The methods there are"),
            ("Retry-After", "等待秒数", "Seconds to wait"),
            ("RateLimit", "各限额的剩余次数和秒数", "What is left of each limit, and for how many seconds"),
            ("RateLimit-Policy", "账号、每分钟、每天的限额", "The limits of account, minute and day"),
            ("X-Request-Id", "本次调用的编号，调用日志中可查", "The call's own key, as the call log has it"),
        )
        return {
            name: {"schema": {"type": "string"}, "description": self.say(zh, en)} for name, zh, en in rows
        }


def _pruned(document: Node) -> Node:
    """Leave out the schemas that nothing refers to, and examples too."""
    schemas_, seen, shown = document["components"]["schemas"], set(), set()
    waiting: list[Any] = [document["paths"], document["components"]["responses"]]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting += one
        elif isinstance(one, dict):
            waiting += one.values()
            place, _, name = str(one.get("$ref", "")).rpartition("/")
            if place.endswith("/examples"):
                shown.add(name)
            elif name in schemas_ and name not in seen:
                seen.add(name)
                waiting.append(schemas_[name])
    document["components"]["schemas"] = {name: schema for name, schema in schemas_.items() if name in seen}
    examples = document["components"]["examples"]
    document["components"]["examples"] = {name: one for name, one in examples.items() if name in shown}
    return document


def _without_null(schema: Node) -> Node:
    """Give a schema for an address, where what is not told is left out."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind.get("type") != "null"]
    if not kinds or len(kinds) == len(schema["anyOf"]):
        return schema
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    return rest | (kinds[0] if len(kinds) == 1 else {"anyOf": kinds})


def _ref(name: str) -> Node:
    return {"$ref": schemas.REF.format(model=name)}


def _parameter(name: str) -> Node:
    return {"$ref": f"#/components/parameters/{name}"}


_WRITING = tuple(_parameter(name) for name in ("Idempotency-Key", "Dry-Run", "X-Device-Time", "X-Consent"))
_EXAMPLES: dict[int, DomainError] = {
    401: NotAuthenticated(),
    403: NotAllowed(),
    405: MethodNotAllowed(method="PUT", allowed=["GET", "POST"]),
}
_TEXT: Node = {"type": "string"}
_UUID: Node = {"type": "string", "format": "uuid", "examples": [KEY]}
_COUNT: Node = {"type": "integer", "minimum": 0}
_RESULT: Node = {"examples": [None]}
_BULK = [
    {"index": 0, "status": 200, "id": KEY, "version": 2},
    {"index": 1, "status": 403, "id": KEY, "problem": NotAllowed().as_problem("en")},
]


def _text(example: str) -> Node:
    return {"type": "string", "examples": [example]}


def _object(required: tuple[str, ...], **properties: Node) -> Node:
    return {"type": "object", "properties": properties, "required": list(required)}


def _items(inner: Node) -> Node:
    return _object(("items",), items={"type": "array", "items": inner})


_SHARED: dict[str, Node] = {
    "Problem": _object(
        ("type", "title", "status", "detail", "code", "data"),
        type=_TEXT,
        title=_TEXT,
        status={"type": "integer"},
        detail=_TEXT,
        code=_TEXT,
        data={"type": "object"},
        instance=_TEXT,
        way_out=_TEXT,
        errors={
            "type": "array",
            "items": _object(("path", "pointer", "detail"), path=_TEXT, pointer=_TEXT, detail=_TEXT),
        },
    ),
    "Titled": _object(("id", "title"), id=_UUID, title=_TEXT),
    "Done": _object(("record", "result"), record={"examples": [None]}, result=_RESULT),
    "BulkDone": _object(
        ("done", "refused", "results"),
        done=_COUNT,
        refused=_COUNT,
        results={
            "type": "array",
            "examples": [_BULK],
            "items": _object(
                ("index", "status", "id"),
                index=_COUNT,
                status={"type": "integer"},
                id={"type": ["string", "null"]},
                version={"type": "integer"},
                problem=_ref("Problem"),
            ),
        },
    ),
    "Timeline": _items(
        _object(
            ("at", "kind", "who"),
            at={"type": "string", "format": "date-time"},
            kind=_text("change"),
            who=_text("李明"),
            through=_text("screen"),
            command=_text("change"),
            text=_text(""),
            changes={
                "type": "array",
                "items": _object(
                    ("line", "field", "old", "new"),
                    line=_text(""),
                    field=_text("Name"),
                    old={"examples": ["A"]},
                    new={"examples": ["B"]},
                ),
            },
        )
    ),
    "Attachments": _items(
        _object(
            ("id", "name", "digest", "size", "media_type", "href"),
            id=_UUID,
            name=_text("drawing.pdf"),
            digest=_text("0" * 64),
            size=_COUNT,
            media_type=_text("application/pdf"),
            created_at={"type": "string", "format": "date-time"},
            href=_text(f"{ROOT}/items/items/{KEY}/attachments/{KEY}"),
        )
    ),
    "File": _object(
        ("digest", "size", "media_type", "has_thumbnail"),
        digest=_text("0" * 64),
        size=_COUNT,
        media_type=_text("application/pdf"),
        has_thumbnail={"type": "boolean"},
    ),
    "ImportDone": _object(
        ("batch", "state", "rows", "made", "changed"),
        batch=_UUID,
        state=_text("done"),
        rows=_COUNT,
        made=_COUNT,
        changed=_COUNT,
    ),
    "ImportCheck": _object(
        ("rows", "creates", "changes", "faults", "fault_count"),
        rows=_COUNT,
        creates=_COUNT,
        changes=_COUNT,
        fault_count=_COUNT,
        mapping={"type": "object", "additionalProperties": _TEXT, "examples": [{"Code": "code"}]},
        faults={
            "type": "array",
            "items": _object(
                ("row", "column", "text"), row=_COUNT, column=_text("Code"), text=_text("is required")
            ),
        },
    ),
    "Asked": _object(
        ("columns", "items"),
        items={"type": "array", "items": {"type": "object"}},
        columns={
            "type": "array",
            "items": _object(
                ("key", "label", "type"), key=_TEXT, label=_TEXT, type=_TEXT, is_summed={"type": "boolean"}
            ),
        },
    ),
    "Found": _items(
        _object(
            ("noun", "id", "title", "href"),
            noun=_text("items.item"),
            id=_UUID,
            title=_text("A-100"),
            href=_text(f"{ROOT}/items/items/{KEY}"),
        )
    ),
    "Me": _object(
        ("id", "login", "name", "language", "is_program", "roles", "plants", "grants", "limits"),
        id=_UUID,
        login=_text("li"),
        name=_text("李明"),
        language=_text("zh"),
        is_program={"type": "boolean"},
        roles={"type": "array", "items": _text("sales")},
        plants={"type": "array", "items": _ref("Titled")},
        teams={"type": "array", "items": _UUID},
        employee={"type": ["string", "null"], "examples": [KEY]},
        limits={"type": ["array", "null"], "items": _text("sales.*")},
        grants={
            "type": "array",
            "items": _object(("permission", "reach"), permission=_text("sales.*"), reach=_text("plant")),
        },
    ),
}
_BINARY: Node = {"type": "string", "format": "binary"}
_UPLOAD_FILE: Node = {
    "required": True,
    "content": {
        "multipart/form-data": {"schema": {**_object(("file",), file=_BINARY)}},
        "application/octet-stream": {"schema": _BINARY},
    },
}
_UPLOAD_TABLE: Node = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": _object(
                ("file",), file=_BINARY, mapping=_TEXT, dry_run={"type": "string", "enum": ["true", "false"]}
            )
        },
        "text/csv": {"schema": _TEXT},
    },
}
