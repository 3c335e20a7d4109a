"""Decides how prices are stored: versions in time, of which the newest in force counts."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django.db.models.expressions import Combinable
from django.utils import timezone


class PriceQuerySet(models.QuerySet["Price"]):
    """Reads of prices: which version is in force."""

    def in_force(self, at: datetime | None = None) -> Self:
        """The newest version of every model that has come into force."""
        moment = at or timezone.now()
        return self.filter(~_newer_price(moment), valid_from__lte=moment)

    def versions(self, model: str | Combinable, until: datetime | Combinable) -> Self:
        """The prices that the model has had until then, the newest first."""
        return self.filter(model=model, valid_from__lte=until).order_by("-valid_from")

    def current(self, model: str, at: datetime | None = None) -> "Price | None":
        """The price of the model now (or at a time), None where it has none."""
        return self.versions(model, at or timezone.now()).first()

    def with_state(self) -> Self:
        """Every version with ``is_superseded``: whether a newer one of its model is in force."""
        return self.annotate(is_superseded=_newer_price(timezone.now()))

    def offered(self) -> Self:
        """One row for each model that has a price now, by name."""
        return self.in_force().order_by("model")


def _newer_price(moment: datetime) -> models.Exists:
    newer = Price.objects.filter(
        model=models.OuterRef("model"), valid_from__gt=models.OuterRef("valid_from"), valid_from__lte=moment
    )
    return models.Exists(newer)


class Price(models.Model):
    """What a model costs from a moment on, in micro-yuan per 1 000 000 tokens; immutable once in force."""

    model = models.CharField("模型", max_length=100)
    valid_from = models.DateTimeField("生效时间", default=timezone.now)
    input_price_micros = models.BigIntegerField("输入价格（微元/百万 token）")
    cached_input_price_micros = models.BigIntegerField("缓存命中输入价格（微元/百万 token）")
    output_price_micros = models.BigIntegerField("输出价格（微元/百万 token）")
    created_at = models.DateTimeField("创建时间", auto_now_add=True)

    objects = PriceQuerySet.as_manager()

    class Meta:
        verbose_name = "模型价格"
        verbose_name_plural = "模型价格"
        ordering = ("model", "-valid_from")
        constraints = (
            models.UniqueConstraint(
                name="price_one_version_per_moment",
                fields=("model", "valid_from"),
                violation_error_message="该模型在这个时间已有价格，请换一个生效时间。",
            ),
            *(
                models.CheckConstraint(
                    name=f"price_{kind}_in_range",
                    condition=Q(
                        **{f"{kind}_price_micros__gte": 0, f"{kind}_price_micros__lte": 1_000_000_000_000}
                    ),
                    violation_error_message="价格必须在 0 到 1 000 000 元之间。",
                )
                for kind in ("input", "cached_input", "output")
            ),
        )

    def __str__(self) -> str:
        return f"{self.model}（{timezone.localtime(self.valid_from):%Y-%m-%d %H:%M} 起）"

    @property
    def is_in_force(self) -> bool:
        """Whether its moment has come, after which it may be neither changed nor deleted."""
        return self.valid_from <= timezone.now()
