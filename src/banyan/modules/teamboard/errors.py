"""What can go wrong at the team board, in words."""

from __future__ import annotations

from banyan.lib.errors import Conflict, NotFound


class TeamUnknown(NotFound):
    code = "teamboard.team_unknown"
    zh = "没有这个班组，或不是您的班组"
    en = "There is no such team, or it is not yours"


class NothingToPropose(Conflict):
    code = "teamboard.nothing_to_propose"
    zh = "没有可建议的派工：待派工序都没有合适的在岗人员"
    en = "Nothing to propose: nobody here has the skill for what waits"
    way_out_zh = "手工派工，或检查工序要求的技能和出勤"
    way_out_en = "Dispatch by hand, or check skills and attendance"
