"""Where our commands are offered by SOAP."""

from django.urls import path

from banyan.connectors.soap import server

urlpatterns = [path("<str:key>", server.service, name="soap_service")]
