"""Every connector: its folder's name, its README, operations that show what they really look like."""

from __future__ import annotations

import json

import pytest

from banyan.connectors.platform import Platform
from banyan.integration.connecting import connectors
from tests.partners.shops import CONNECTORS

#: Those of the product: other tests register some of their own.
ALL = [each for each in connectors() if type(each).__module__.startswith("banyan.connectors.")]
PLATFORMS = [each for each in ALL if isinstance(each, Platform)]


@pytest.mark.parametrize("made", ALL, ids=lambda made: made.key)
def test_a_connector_is_its_folder_and_says_what_it_stands_on(made):
    assert type(made).__module__ == f"banyan.connectors.{made.key}.connector"
    assert len((CONNECTORS / made.key / "README.md").read_text(encoding="utf-8")) > 200
    assert made.settings.model_json_schema()["type"] == "object"


@pytest.mark.parametrize("made", PLATFORMS, ids=lambda made: made.key)
def test_a_preset_describes_its_calls_with_samples_that_exist(made):
    operations = made.describe(None)
    assert len({each.key for each in operations}) == len(operations)
    assert any(each.samples for each in operations)
    for operation in operations:
        assert operation.ways <= {"send", "poll", "receive"}
        json.dumps(operation.samples)


def test_the_presets_asked_for_are_there():
    wanted = {
        "amqp", "mqtt", "opcua", "mail", "robots", "taobao", "jd", "douyin", "pinduoduo", "shopify", "woocommerce",
        "vendure", "kuaidi100", "sf", "kingdee", "yonyou", "yonyou_u8", "salesforce", "tryton", "mes",
        "wms",
    }  # fmt: skip
    assert wanted <= {each.key for each in ALL}
