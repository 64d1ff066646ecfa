"""What people call the code of an item at the head of a column, in tables of items and of what is made of them."""

CODE = (
    "料号", "物料编码", "物料编号", "物料代码", "存货编码", "产品编码", "品号", "货号", "Part no.", "Part number",
    "Item code", "Item no.", "Item number", "Material no.", "SKU",
)  # fmt: skip
