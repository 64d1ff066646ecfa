"""A small noun made of data: fields, a life, lines."""

VISITOR_PASS = {
    "key": "made.visitor_pass",
    "plural_key": "visitor_passes",
    "table": 7001,
    "version": 1,
    "label": ["访客证", "Visitor pass"],
    "plural": ["访客证", "Visitor passes"],
    "help": ["进厂访客", "Visitors on site"],
    "numbering": "VP{yy}{mm}-{n:05}",
    "fields": [
        {
            "no": 1,
            "key": "visitor",
            "type": "text",
            "label": ["访客", "Visitor"],
            "required": True,
            "max_length": 80,
        },
        {"no": 2, "key": "visits_on", "type": "date", "label": ["来访日期", "Visits on"], "required": True},
        {
            "no": 3,
            "key": "host",
            "type": "reference",
            "reference": "kernel.user",
            "label": ["接待人", "Host"],
        },
        {
            "no": 4,
            "key": "kind",
            "type": "choice",
            "label": ["类型", "Kind"],
            "default": "guest",
            "choices": [
                {"key": "guest", "label": ["客户", "Guest"]},
                {"key": "auditor", "label": ["审核员", "Auditor"]},
            ],
        },
        {"no": 5, "key": "deposit", "type": "money", "label": ["押金", "Deposit"], "minimum": 0},
        {"no": 6, "key": "is_escorted", "type": "boolean", "label": ["需陪同", "Escorted"], "default": True},
        {"no": 7, "key": "remark", "type": "long_text", "label": ["备注", "Remark"]},
    ],
    "lines": [
        {
            "key": "things",
            "no": 1,
            "label": ["携带物品", "Things"],
            "fields": [
                {"no": 1, "key": "thing", "type": "text", "label": ["物品", "Thing"], "required": True},
                {
                    "no": 2,
                    "key": "quantity",
                    "type": "quantity",
                    "label": ["数量", "Quantity"],
                    "default": 1,
                    "minimum": 0,
                },
            ],
        }
    ],
    "life": {
        "states": [
            {"key": "draft", "label": ["草稿", "Draft"]},
            {"key": "issued", "label": ["已发证", "Issued"], "tone": "green"},
            {"key": "returned", "label": ["已归还", "Returned"], "tone": "blue"},
        ],
        "transitions": [{"from": "draft", "to": "issued", "command": "issue"}],
    },
    "title": ["number", "visitor"],
    "list": ["number", "visitor", "visits_on", "kind", "state"],
    "filters": ["state", "kind"],
    "find": ["visitor", "remark"],
    "export": ["number", "visitor", "visits_on", "host", "deposit", "state"],
    "import_map": {"visitor": ["来访人", "Guest name"], "things.quantity": ["件数", "How many"]},
}
