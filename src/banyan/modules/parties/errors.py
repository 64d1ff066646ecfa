"""What can go wrong with customers, suppliers and carriers."""

from __future__ import annotations

from banyan.kernel.schema import explain_constraint
from banyan.lib.errors import Conflict


class PartyBlocked(Conflict):
    code = "parties.blocked"
    zh = "{party} 已冻结：{reason}"
    en = "{party} is blocked: {reason}"
    way_out_zh = "解除冻结后再操作"
    way_out_en = "Unblock the party first"


class PartyInactive(Conflict):
    code = "parties.inactive"
    zh = "{party} 已停用"
    en = "{party} is not active"
    way_out_zh = "启用后再操作，或换一个往来单位"
    way_out_en = "Activate it, or choose another party"


class NotACustomer(Conflict):
    code = "parties.not_a_customer"
    zh = "{party} 不是客户"
    en = "{party} is not a customer"


class NotASupplier(Conflict):
    code = "parties.not_a_supplier"
    zh = "{party} 不是供应商"
    en = "{party} is not a supplier"


class NotACarrier(Conflict):
    code = "parties.not_a_carrier"
    zh = "{party} 不是承运商"
    en = "{party} is not a carrier"


class AlreadyBlocked(Conflict):
    code = "parties.already_blocked"
    zh = "{party} 已经冻结：{reason}"
    en = "{party} is blocked already: {reason}"


class PartyHasNoPart(Conflict):
    code = "parties.has_no_part"
    zh = "客户、供应商、承运商至少选一项"
    en = "A party is a customer, a supplier or a carrier, at least one of them"


class OutsideCodeTaken(Conflict):
    code = "parties.outside_code_taken"
    zh = "该外部编码已属于另一个往来单位"
    en = "This outside code belongs to another party already"


class TwoDefaultAddresses(Conflict):
    code = "parties.two_default_addresses"
    zh = "每种地址只能有一个默认"
    en = "Only one address of each kind can be the default"


explain_constraint("parties_party_has_a_part", PartyHasNoPart())
explain_constraint("parties_external_id_once", OutsideCodeTaken())
explain_constraint("parties_address_one_default", TwoDefaultAddresses())
