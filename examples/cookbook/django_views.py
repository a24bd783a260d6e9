"""Django, shop/views.py: readiness as an async view."""

from django.conf import settings
from django.http import HttpRequest, JsonResponse

import tryconnect


async def ready(_: HttpRequest) -> JsonResponse:
    probes = tryconnect.probe_many(settings.SHOP_NEEDS, timeout=2, expect="2xx")
    async with probes:
        reports = [report async for report in probes]
    needs = [report.as_dict() for report in reports]
    return JsonResponse(needs, safe=False, status=200 if all(reports) else 503)
