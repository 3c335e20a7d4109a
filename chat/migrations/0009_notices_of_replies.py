from django.db import migrations, models

# An acquaintance knows the moments of its first notice and of its last reminder: replies were created then.
FILL_NOTICES = """
    UPDATE chat_message AS message
    SET notice = CASE WHEN message.created_at = known.noticed_at THEN 'first_use' ELSE 'two_hours' END
    FROM chat_acquaintance AS known
    WHERE message.owner_id = known.user_id AND message.role_id = known.role_id AND message.author = 'assistant'
        AND message.created_at IN (known.noticed_at, known.reminded_at)
"""


class Migration(migrations.Migration):
    dependencies = (("chat", "0008_memory"),)

    operations = (
        migrations.AddField(
            model_name="message",
            name="notice",
            field=models.CharField(
                blank=True,
                choices=[("first_use", "初次交谈"), ("two_hours", "满两小时")],
                db_default="",
                default="",
                editable=False,
                max_length=9,
                verbose_name="拟人提示",
            ),
        ),
        migrations.RunSQL(FILL_NOTICES, migrations.RunSQL.noop),
    )
