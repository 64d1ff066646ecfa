"""What must never be false of people's records."""

from __future__ import annotations

from banyan.kernel.proofs import Found, none_of, proof
from banyan.lib.labels import L

_USER_DISAGREES = """
    SELECT e.id, e.code, u.login FROM people_employee e JOIN kernel_user u ON u.id = e.user_id
    WHERE u.employee_key IS DISTINCT FROM e.id AND u.employee_key IS NOT NULL
"""
_ELSEWHERE = """
    SELECT e.id, e.code, t.code FROM people_employee e JOIN people_team t ON t.id = e.team_id
    WHERE t.plant_id <> e.plant_id
"""


@proof("people.users", L("员工与账号互相对应", "Employees and users name each other"))
def users_and_employees_agree() -> Found:
    """Prove that the user of an employee does not name another employee."""
    return none_of(
        "people.employee", counted="SELECT count(*) FROM people_employee WHERE user_id IS NOT NULL",
        faults=_USER_DISAGREES, text=L(
            "员工 {1} 的用户 {2} 指向另一名员工",
            "employee {1} has user {2}, who names another employee",
        ),
    )  # fmt: skip


@proof("people.teams", L("班组与员工在同一工厂", "Employees are of their team's plant"))
def members_work_where_their_team_does() -> Found:
    """Prove that nobody belongs to a team of another plant."""
    return none_of(
        "people.employee", counted="SELECT count(*) FROM people_employee WHERE team_id IS NOT NULL",
        faults=_ELSEWHERE,
        text=L("员工 {1} 属于别的工厂的班组 {2}", "employee {1} belongs to team {2} of another plant"),
    )  # fmt: skip
