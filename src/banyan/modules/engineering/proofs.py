"""What must never be false of structures."""

from __future__ import annotations

from banyan.kernel import db
from banyan.kernel.proofs import Fault, Found, none_of, proof
from banyan.lib.graph import find_cycle
from banyan.lib.labels import L

_EDGES = """
    SELECT b.item_id, l.component_id FROM engineering_bom b JOIN engineering_bomline l ON l.bom_id = b.id
    WHERE b.state = 'released'
"""


@proof("engineering.no_loops", L("已发布的BOM没有循环", "Released BOMs have no loops"))
def no_loops() -> Found:
    """Prove that no item is, by a way through released BOMs, its own component; one circle is named."""
    edges = db.rows(_EDGES)
    circle = find_cycle(edges)
    if not circle:
        return Found(len(edges))
    codes = dict(db.rows("SELECT id, code FROM items_item WHERE id = ANY(%s)", [list(circle)]))
    path = " → ".join(codes[one] for one in circle)
    why = L(f"它的BOM成环：{path}", f"its BOMs form a circle: {path}")
    return Found(len(edges), (Fault("items.item", str(circle[0]), why),), 1)


@proof("engineering.filled", L("已发布的版本都有内容", "Released revisions have lines"))
def released_are_filled() -> Found:
    """Prove that every released BOM has lines and every released routing operations."""
    boms = none_of(
        "engineering.bom",
        counted="SELECT count(*) FROM engineering_bom WHERE state <> 'draft'",
        faults="SELECT b.id, i.code, b.revision FROM engineering_bom b JOIN items_item i ON i.id = b.item_id "
        "WHERE b.state <> 'draft' AND NOT EXISTS (SELECT FROM engineering_bomline l WHERE l.bom_id = b.id)",
        text=L("BOM {1} {2} 已发布但没有明细", "BOM {1} {2} is released without lines"),
    )
    routings = none_of(
        "engineering.routing",
        counted="SELECT count(*) FROM engineering_routing WHERE state <> 'draft'",
        faults="SELECT r.id, i.code, r.revision FROM engineering_routing r "
        "JOIN items_item i ON i.id = r.item_id WHERE r.state <> 'draft' "
        "AND NOT EXISTS (SELECT FROM engineering_routingoperation o WHERE o.routing_id = r.id)",
        text=L("工艺路线 {1} {2} 已发布但没有工序", "routing {1} {2} is released without operations"),
    )
    return Found(
        boms.counted + routings.counted, (*boms.faults, *routings.faults), boms.broken + routings.broken
    )


@proof("engineering.work_centres", L("工序的工作中心可用", "Operations have work centres in use"))
def work_centres_are_in_use() -> Found:
    """Prove that routings that count name work centres in use, and of their own plant where they have one."""
    return none_of(
        "engineering.routing",
        counted="SELECT count(*) FROM engineering_routingoperation o JOIN engineering_routing r "
        "ON r.id = o.routing_id WHERE r.state = 'released'",
        faults="SELECT r.id, i.code, r.revision, o.sequence, w.code FROM engineering_routingoperation o "
        "JOIN engineering_routing r ON r.id = o.routing_id JOIN items_item i ON i.id = r.item_id "
        "JOIN equipment_workcentre w ON w.id = o.work_centre_id "
        "WHERE r.state = 'released' AND (NOT w.is_active OR r.plant_id <> w.plant_id)",
        text=L(
            "工艺路线 {1} {2} 工序 {3}：工作中心 {4} 在该处未启用",
            "routing {1} {2}, operation {3}: work centre {4} is not in use there",
        ),
    )


@proof("engineering.predecessors", L("前道工序存在", "Predecessors exist"))
def predecessors_exist() -> Found:
    """Prove that every predecessor a released routing names is an earlier operation of it."""
    return none_of(
        "engineering.routing",
        counted="SELECT count(*) FROM engineering_routingoperation WHERE predecessors <> ''",
        faults="SELECT DISTINCT r.id, i.code, r.revision, o.sequence, p.before "
        "FROM engineering_routingoperation o JOIN engineering_routing r ON r.id = o.routing_id "
        "JOIN items_item i ON i.id = r.item_id, "
        "LATERAL (SELECT m[1]::int AS before FROM regexp_matches(o.predecessors, '\\d+', 'g') m) p "
        "WHERE r.state <> 'draft' AND NOT EXISTS (SELECT FROM engineering_routingoperation b "
        "WHERE b.routing_id = o.routing_id AND b.sequence = p.before AND b.sequence < o.sequence)",
        text=L(
            "工艺路线 {1} {2} 工序 {3}：之前没有工序 {4}",
            "routing {1} {2}, operation {3}: there is no operation {4} before it",
        ),
    )
