import django.db.models.deletion
from django.db import migrations, models

FILL_WORKS = """
    UPDATE knowledge_embedding AS embedding SET work_id = passage.work_id
    FROM knowledge_passage AS passage WHERE passage.id = embedding.passage_id
"""
# Until now the search asked whichever model was configured; the one with the most vectors was it.
NAME_MODELS = """
    INSERT INTO knowledge_embeddingmodel (name, dimensions, is_serving, created_at, served_at)
    SELECT
        model, max(vector_dims(vector)), first_number = 1, min(created_at),
        CASE WHEN first_number = 1 THEN min(created_at) END
    FROM (
        SELECT
            embedding.*,
            dense_rank() OVER (ORDER BY counted.vectors DESC, model) AS first_number
        FROM knowledge_embedding AS embedding
        JOIN (SELECT model, count(*) AS vectors FROM knowledge_embedding GROUP BY model) AS counted USING (model)
    ) AS ranked
    GROUP BY model, first_number
"""


class Migration(migrations.Migration):
    """Vectors know their work, and the table of models says which one serves."""

    dependencies = [
        ("knowledge", "0006_posting_lists"),
    ]

    operations = [
        migrations.CreateModel(
            name="EmbeddingModel",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=100, unique=True, verbose_name="模型")),
                ("dimensions", models.PositiveIntegerField(verbose_name="维数")),
                ("is_serving", models.BooleanField(default=False, verbose_name="检索正在使用")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="创建时间")),
                ("served_at", models.DateTimeField(blank=True, null=True, verbose_name="启用时间")),
            ],
            options={
                "verbose_name": "向量模型",
                "verbose_name_plural": "向量模型",
                "ordering": ("-is_serving", "-created_at"),
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("is_serving", True)),
                        fields=("is_serving",),
                        name="embedding_model_one_serves",
                    )
                ],
            },
        ),
        migrations.AddField(
            model_name="embedding",
            name="work",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="knowledge.work",
                verbose_name="典籍",
            ),
        ),
        migrations.RunSQL(FILL_WORKS, migrations.RunSQL.noop),
        migrations.RunSQL(NAME_MODELS, migrations.RunSQL.noop),
        # The update above leaves deferred checks pending, with which no table is altered.
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="embedding",
            name="work",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                editable=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="knowledge.work",
                verbose_name="典籍",
            ),
        ),
        # The unique constraint of passage and model serves as its index.
        migrations.AlterField(
            model_name="embedding",
            name="passage",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="embeddings",
                to="knowledge.passage",
                verbose_name="段落",
            ),
        ),
        migrations.AddIndex(
            model_name="embedding",
            index=models.Index(fields=["model", "work"], name="embedding_model_work"),
        ),
        migrations.RemoveIndex(model_name="embedding", name="embedding_model"),
    ]
