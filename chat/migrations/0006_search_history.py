import django.contrib.postgres.indexes
import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.operations import BtreeGinExtension
from django.db import migrations, models
from django.db.models import F, Q

import chat.models.conversations
import chat.models.folded_text

CHARACTER_PAIRS = """
    CREATE FUNCTION chat_character_pairs(folded text) RETURNS text[]
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
        SELECT coalesce(array_agg(DISTINCT pair.first || pair.second), '{}')
        FROM string_to_array(folded, NULL) AS characters,
            unnest(characters[: cardinality(characters) - 1], characters[2 :]) AS pair (first, second)
    $$
"""
# A message belongs to whom its session belongs to, whoever writes the row.
OWNER_TRIGGER = """
    CREATE FUNCTION chat_message_owner() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        SELECT owner_id INTO NEW.owner_id FROM chat_session WHERE id = NEW.session_id;
        RETURN NEW;
    END
    $$;
    CREATE TRIGGER chat_message_owner BEFORE INSERT OR UPDATE OF owner_id, session_id ON chat_message
    FOR EACH ROW EXECUTE FUNCTION chat_message_owner();
"""
FILL_OWNERS = """
    UPDATE chat_message AS message SET owner_id = session.owner_id
    FROM chat_session AS session WHERE session.id = message.session_id
"""
# What the planner knows of the pairs: it takes no statistics from a partial index, and without them it would think
# every word rare, and collect and sort all that a reader ever wrote about a common one.
STATISTICS = "CREATE STATISTICS chat_message_pairs ON (chat_character_pairs(folded)) FROM chat_message"
_AT_ONCE = 1000


def fold_texts(apps, schema_editor):
    message_model = apps.get_model("chat", "Message")
    batch = []
    for message in message_model.objects.exclude(text="").only("id", "text").iterator(chunk_size=_AT_ONCE):
        message.folded = chat.models.folded_text.fold_for_search(message.text)
        batch.append(message)
        if len(batch) == _AT_ONCE:
            message_model.objects.bulk_update(batch, ["folded"])
            batch = []
    message_model.objects.bulk_update(batch, ["folded"])


class Migration(migrations.Migration):
    dependencies = (
        ("chat", "0005_moderation"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    )

    operations = (
        BtreeGinExtension(),
        migrations.AddField(
            "message",
            "folded",
            chat.models.folded_text.FoldedTextField(
                blank=True, default="", editable=False, source="text", verbose_name="折叠的内容"
            ),
        ),
        migrations.AddField(
            "message",
            "owner",
            models.ForeignKey(
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="用户",
            ),
        ),
        migrations.RunSQL(FILL_OWNERS, migrations.RunSQL.noop),
        migrations.RunPython(fold_texts, migrations.RunPython.noop),
        # The rows that were written have foreign keys to check, before the table may be altered.
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        migrations.AlterField(
            "message",
            "owner",
            models.ForeignKey(
                db_index=False,
                editable=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="用户",
            ),
        ),
        migrations.RunSQL(
            OWNER_TRIGGER,
            "DROP TRIGGER chat_message_owner ON chat_message; DROP FUNCTION chat_message_owner()",
        ),
        migrations.RunSQL(CHARACTER_PAIRS, "DROP FUNCTION chat_character_pairs(text)"),
        migrations.AddIndex(
            "message", models.Index(fields=["owner", "-created_at"], name="message_by_owner")
        ),
        migrations.AddIndex(
            "message",
            models.Index(
                condition=Q(("parent", None), ("reply_to", None)),
                fields=["session"],
                name="message_first_questions",
            ),
        ),
        migrations.AddIndex(
            "message",
            django.contrib.postgres.indexes.GinIndex(
                F("owner"),
                chat.models.conversations.CharacterPairs("folded"),
                condition=Q(("folded", ""), _negated=True),
                name="message_search",
            ),
        ),
        migrations.RunSQL(STATISTICS, "DROP STATISTICS chat_message_pairs"),
    )
