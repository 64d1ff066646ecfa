"""Every write of planning: runs, and what people decide on planned orders."""

from banyan.modules.planning.commands.messages import accept_messages
from banyan.modules.planning.commands.planned_orders import convert_orders, firm_orders, loosen_orders
from banyan.modules.planning.commands.runs import plan_plant

__all__ = ["accept_messages", "convert_orders", "firm_orders", "loosen_orders", "plan_plant"]
