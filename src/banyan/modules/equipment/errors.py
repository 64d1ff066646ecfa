"""What can go wrong with work centres and machines."""

from __future__ import annotations

from banyan.lib.errors import Conflict


class WorkCentreInactive(Conflict):
    code = "equipment.work_centre_inactive"
    zh = "工作中心 {work_centre} 已停用"
    en = "Work centre {work_centre} is not active"
    way_out_zh = "启用后再操作，或换一个工作中心"
    way_out_en = "Activate it, or choose another one"
