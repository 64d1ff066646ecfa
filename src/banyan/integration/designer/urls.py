"""Addresses of the flow designer; what is done on a new flow has `new` in the place of the key."""

from __future__ import annotations

from django.urls import path

from banyan.integration.designer import views

urlpatterns = [
    path("integration/design", views.home, name="designer"),
    path("integration/design/new", views.design, name="design_new"),
    path("integration/flow/<uuid:key>/design", views.design, name="design_flow"),
    *(
        path(f"{place}/{name}", act, name=f"{kind}_{name}")
        for place, kind in (("integration/design/new", "new"), ("integration/flow/<uuid:key>/design", "flow"))
        for name, act in (("draw", views.draw), ("try", views.try_out), ("save", views.save), ("pick", views.pick),
                          ("rehearse", views.rehearse))
    ),
    path("integration/flow/<uuid:key>/design/pin", views.pin, name="flow_pin"),
    path("integration/flow/<uuid:key>/design/on", views.switch_on, name="flow_on"),
]  # fmt: skip
