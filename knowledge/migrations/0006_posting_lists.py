import uuid

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """The index of terms becomes posting lists in segments; ``services.index_corpus`` writes them afterwards."""

    dependencies = [
        ("knowledge", "0005_evaluation_runs"),
    ]

    operations = [
        migrations.CreateModel(
            name="IndexSegment",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("first_passage_id", models.BigIntegerField(verbose_name="首段")),
                ("last_passage_id", models.BigIntegerField(verbose_name="末段")),
                ("passage_count", models.PositiveIntegerField(verbose_name="段数")),
                ("passage_ids", models.BinaryField(verbose_name="段落")),
                ("work_ids", models.BinaryField(verbose_name="典籍")),
                ("lengths", models.BinaryField(verbose_name="长度")),
                ("characters", models.BinaryField(verbose_name="用字")),
                ("frequencies", models.BinaryField(verbose_name="字频")),
                ("has_translations", models.BooleanField(default=False, verbose_name="含今译")),
                ("is_stale", models.BooleanField(default=False, verbose_name="待重建")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="创建时间")),
            ],
            options={
                "verbose_name": "索引分段",
                "verbose_name_plural": "索引分段",
                "ordering": ("last_passage_id",),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("first_passage_id__lte", models.F("last_passage_id")),
                            ("passage_count__range", (1, 65_536)),
                        ),
                        name="index_segment_range",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="PostingBlock",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "segment",
                        "first_term",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "segment",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="knowledge.indexsegment",
                    ),
                ),
                ("first_term", models.BigIntegerField()),
                ("data", models.BinaryField()),
            ],
            options={
                "verbose_name": "倒排块",
                "verbose_name_plural": "倒排块",
            },
        ),
        # Sorted numbers of 16 bits hardly compress: trying costs more than it saves.
        migrations.RunSQL(
            "ALTER TABLE knowledge_postingblock ALTER COLUMN data SET STORAGE EXTERNAL",
            "ALTER TABLE knowledge_postingblock ALTER COLUMN data SET STORAGE EXTENDED",
        ),
        migrations.DeleteModel(name="TermFrequency"),
        migrations.RemoveIndex(model_name="passage", name="passage_terms"),
        migrations.RemoveField(model_name="passage", name="terms"),
    ]
