import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

_SAME_WORK = (
    "ALTER TABLE knowledge_{table} ADD CONSTRAINT {name} FOREIGN KEY ({column}, work_id) "
    "REFERENCES knowledge_section (id, work_id) DEFERRABLE INITIALLY DEFERRED"
)


def _same_work(table: str, column: str, name: str) -> migrations.RunSQL:
    """Let a column name only a section of the row's own work; the key takes the place of the plain foreign key."""
    return migrations.RunSQL(
        _SAME_WORK.format(table=table, column=column, name=name),
        f"ALTER TABLE knowledge_{table} DROP CONSTRAINT {name}",
    )


class Migration(migrations.Migration):
    """The database holds the tree together, counts a job's attempts, and knows what the program has brought."""

    dependencies = [
        ("knowledge", "0008_ingestion"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="StarterWork",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("title", models.CharField(max_length=100, unique=True, verbose_name="书名")),
            ],
            options={
                "verbose_name": "入门典籍",
                "verbose_name_plural": "入门典籍",
            },
        ),
        migrations.RemoveConstraint(
            model_name="ingestionjob",
            name="ingestion_status_known",
        ),
        migrations.AddField(
            model_name="ingestionjob",
            name="attempts",
            field=models.PositiveSmallIntegerField(default=0, verbose_name="尝试次数"),
        ),
        migrations.AlterField(
            model_name="ingestionjob",
            name="status",
            field=models.CharField(
                choices=[
                    ("queued", "等待中"),
                    ("running", "导入中"),
                    ("completed", "已完成"),
                    ("partial", "部分导入"),
                    ("failed", "失败"),
                ],
                default="queued",
                max_length=10,
                verbose_name="状态",
            ),
        ),
        migrations.AlterField(
            model_name="passage",
            name="section",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="passages",
                to="knowledge.section",
                verbose_name="篇章",
            ),
        ),
        migrations.AlterField(
            model_name="section",
            name="parent",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="children",
                to="knowledge.section",
                verbose_name="上级篇章",
            ),
        ),
        migrations.AddConstraint(
            model_name="ingestionjob",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["queued", "running", "completed", "partial", "failed"])),
                name="ingestion_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="ingestionjob",
            constraint=models.CheckConstraint(
                condition=models.Q(("stage__in", ["reading", "loading", "indexing", "embedding"])),
                name="ingestion_stage_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="passage",
            constraint=models.CheckConstraint(
                condition=models.Q(("length", django.db.models.functions.text.Length(models.F("folded")))),
                name="passage_length_true",
            ),
        ),
        migrations.AddConstraint(
            model_name="section",
            constraint=models.UniqueConstraint(fields=("id", "work"), name="section_of_work_unique"),
        ),
        migrations.AddField(
            model_name="starterwork",
            name="work",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="starter",
                to="knowledge.work",
                verbose_name="典籍",
            ),
        ),
        _same_work("section", "parent_id", "section_parent_of_same_work"),
        _same_work("passage", "section_id", "passage_section_of_same_work"),
        # Data last: a table whose rows wait for their foreign keys to be checked cannot be altered.
        migrations.RunSQL(
            """
            INSERT INTO knowledge_starterwork (title, work_id)
            SELECT DISTINCT ON (title) title, id FROM knowledge_work
            WHERE origin ~ '^starter/[a-z_]+[.]md$' ORDER BY title, id
            """,
            "UPDATE knowledge_ingestionjob SET status = 'completed' WHERE status = 'partial'",
        ),
    ]
