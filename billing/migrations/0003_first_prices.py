"""Seeds the first prices: offline is free, deepseek-chat costs its provider's list price of 2025-09-29.

The list price, in yuan per 1 000 000 tokens: input 2, input from the cache 0.2, output 3. Operators change a
price in the admin by adding a version.
"""

from datetime import UTC, datetime

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

VALID_FROM = datetime(2025, 9, 29, tzinfo=UTC)
FIRST_PRICES = {"offline": (0, 0, 0), "deepseek-chat": (2_000_000, 200_000, 3_000_000)}


def add_first_prices(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Add one price for each model."""
    price_model = apps.get_model("billing", "Price")
    for model, (input_micros, cached_input_micros, output_micros) in FIRST_PRICES.items():
        price_model.objects.get_or_create(
            model=model,
            valid_from=VALID_FROM,
            defaults={
                "input_price_micros": input_micros,
                "cached_input_price_micros": cached_input_micros,
                "output_price_micros": output_micros,
            },
        )


class Migration(migrations.Migration):
    dependencies = [("billing", "0002_ledger_enforcement")]

    operations = [migrations.RunPython(add_first_prices, migrations.RunPython.noop)]
