"""Django, shop/checks.py: a system check, which AppConfig.ready() imports."""

from django.conf import settings
from django.core.checks import Error, register

from tryconnect import sync


@register("needs", deploy=True)
def everything_answers(**_: object) -> list[Error]:
    with sync.probe_many(settings.SHOP_NEEDS, timeout=5, expect="2xx") as probes:
        return [
            Error(report.detail, hint=f"The reason is: {report.reason}", id="shop.E001")
            for report in probes
            if not report
        ]
