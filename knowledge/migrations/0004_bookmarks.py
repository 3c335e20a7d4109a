import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# Passages are also deleted in bulk, without Django's collector: the database itself keeps the bookmark and forgets
# the passage.
ADD_PASSAGE = """
    ALTER TABLE knowledge_bookmark ADD CONSTRAINT bookmark_passage
    FOREIGN KEY (passage_id) REFERENCES knowledge_passage (id) ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED
"""
DROP_PASSAGE = "ALTER TABLE knowledge_bookmark DROP CONSTRAINT bookmark_passage"


class Migration(migrations.Migration):
    dependencies = [
        ("knowledge", "0002_editions_and_translations"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Bookmark",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("start", models.PositiveIntegerField(verbose_name="起")),
                ("end", models.PositiveIntegerField(verbose_name="止")),
                ("text", models.TextField(verbose_name="摘抄")),
                ("citation", models.CharField(max_length=1000, verbose_name="出处")),
                ("reference", models.JSONField(default=dict, verbose_name="著录")),
                ("note", models.TextField(blank=True, verbose_name="笔记")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="收藏时间")),
                ("updated_at", models.DateTimeField(auto_now=True, verbose_name="更新时间")),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="bookmarks",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="读者",
                    ),
                ),
                (
                    "passage",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        to="knowledge.passage",
                        verbose_name="段落",
                    ),
                ),
            ],
            options={
                "verbose_name": "摘抄",
                "verbose_name_plural": "摘抄",
                "ordering": ("-created_at", "-id"),
                "indexes": [
                    models.Index(fields=["owner", "-created_at", "-id"], name="bookmark_newest_first")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("passage__isnull", False)),
                        fields=("owner", "passage", "start", "end"),
                        name="bookmark_excerpt_unique",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("start__lt", models.F("end")), models.Q(("text", ""), _negated=True)
                        ),
                        name="bookmark_has_text",
                    ),
                ],
            },
        ),
        migrations.RunSQL(ADD_PASSAGE, DROP_PASSAGE),
    ]
