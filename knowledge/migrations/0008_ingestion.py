import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    """A resumed run knows which sources it need not read; a job keeps the list of what was refused."""

    dependencies = [
        ("knowledge", "0007_vector_indexes"),
    ]

    operations = [
        migrations.CreateModel(
            name="IngestedSource",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("fingerprint", models.CharField(max_length=64, unique=True, verbose_name="指纹")),
                ("name", models.CharField(max_length=1000, verbose_name="来源")),
                (
                    "content_hashes",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=64), size=None, verbose_name="典籍指纹"
                    ),
                ),
                ("refused_count", models.PositiveIntegerField(default=0, verbose_name="被拒绝")),
                ("finished_at", models.DateTimeField(verbose_name="完成时间")),
            ],
            options={
                "verbose_name": "已导入的来源",
                "verbose_name_plural": "已导入的来源",
            },
        ),
        migrations.AddField(
            model_name="ingestionjob",
            name="refusal_file",
            field=models.FileField(blank=True, upload_to="corpus/%Y/%m/", verbose_name="被拒绝的记录"),
        ),
        migrations.AlterField(
            model_name="ingestionjob",
            name="stage",
            field=models.CharField(
                choices=[
                    ("reading", "读取文件"),
                    ("loading", "载入记录"),
                    ("indexing", "建立索引"),
                    ("embedding", "生成向量"),
                ],
                default="reading",
                max_length=10,
                verbose_name="步骤",
            ),
        ),
    ]
