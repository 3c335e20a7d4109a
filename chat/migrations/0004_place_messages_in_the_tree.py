from django.db import migrations

# Until now a conversation was a list: a question follows the newest reply before it, the newest reply is the leaf.
PLACE_QUESTIONS = """
    UPDATE chat_message AS question SET parent_id = (
        SELECT reply.id FROM chat_message AS reply
        WHERE reply.session_id = question.session_id
            AND reply.author = 'assistant' AND reply.created_at < question.created_at
        ORDER BY reply.created_at DESC LIMIT 1
    )
    WHERE question.author = 'reader'
"""
SET_LEAVES = """
    UPDATE chat_session AS session SET leaf_id = (
        SELECT reply.id FROM chat_message AS reply
        WHERE reply.session_id = session.id AND reply.author = 'assistant'
        ORDER BY reply.created_at DESC LIMIT 1
    )
"""


class Migration(migrations.Migration):
    dependencies = (("chat", "0003_the_whole_conversation"),)

    operations = (
        migrations.RunSQL(PLACE_QUESTIONS, migrations.RunSQL.noop),
        migrations.RunSQL(SET_LEAVES, migrations.RunSQL.noop),
    )
