"""Adds what processes notice a change of the word list by, and seeds the list with what is plainly illegal."""

from django.db import migrations, models

# Modern compounds of offer and thing, so that neither the classics nor talk about the thing has them.
SEEDED_WORDS = {
    ("毒品", "block"): (
        "出售冰毒 购买冰毒 冰毒货源 冰毒制作方法 制作冰毒 出售海洛因 海洛因货源 出售大麻 大麻货源 大麻种子邮购 出售摇头丸 "
        "出售氯胺酮 制毒配方 制毒教程 出售迷奸药 出售听话水 购买迷奸药"
    ),
    ("枪爆", "block"): (
        "出售枪支 购买枪支 枪支货源 出售手枪 出售子弹 自制枪支教程 气枪配件货源 炸药配方 炸弹制作方法 自制炸弹教程 出售雷管 "
        "出售爆炸物"
    ),
    ("赌博", "block"): (
        "网络赌场开户 网上赌场平台 博彩平台代理 真人荷官在线 六合彩特码 赌球平台开户 线上百家乐 赌博网站搭建"
    ),
    ("诈骗", "block"): (
        "出售银行卡四件套 收购银行卡四件套 跑分平台代理 刷单返利日结 出售身份证信息 出售公民个人信息 出售手机黑卡 杀猪盘话术 "
        "洗钱通道对接"
    ),
    ("假证假币", "block"): "出售假钞 出售假币 办理假证 代办假证 代开发票加微信 出售假发票",
    ("色情", "block"): "招嫖上门 上门援交 裸聊平台 色情直播平台 成人视频网站 儿童色情 幼女视频 出售偷拍视频",
    ("人身", "block"): "雇凶杀人 买凶杀人 出售人体器官 卖肾联系",
    # Somebody who asks this needs help, not a refusal.
    ("自伤", "review"): "自杀方法 怎么自杀 如何自杀 割腕教程 相约自杀",
}

TRIGGER = """
CREATE FUNCTION chat_renew_word_list_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO chat_wordlistversion (id, version) VALUES (1, gen_random_uuid())
        ON CONFLICT (id) DO UPDATE SET version = EXCLUDED.version;
    RETURN NULL;
END $$;

CREATE TRIGGER renew_version AFTER INSERT OR UPDATE OR DELETE ON chat_sensitiveword
    FOR EACH STATEMENT EXECUTE FUNCTION chat_renew_word_list_version();
"""
NO_TRIGGER = """
DROP TRIGGER renew_version ON chat_sensitiveword;
DROP FUNCTION chat_renew_word_list_version();
"""


def seed_words(apps, schema_editor):
    word_model = apps.get_model("chat", "SensitiveWord")
    word_model.objects.bulk_create(
        (
            word_model(word=word, category=category, action=action, note="随程序附带")
            for (category, action), words in SEEDED_WORDS.items()
            for word in words.split()
        ),
        ignore_conflicts=True,
    )


class Migration(migrations.Migration):
    dependencies = [("chat", "0004_place_messages_in_the_tree")]

    operations = [
        migrations.CreateModel(
            name="WordListVersion",
            fields=[
                (
                    "id",
                    models.PositiveSmallIntegerField(
                        default=1, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("version", models.UUIDField(editable=False, verbose_name="版本")),
            ],
            options={"verbose_name": "词表版本", "verbose_name_plural": "词表版本"},
        ),
        migrations.AlterField(
            model_name="moderationrecord",
            name="direction",
            field=models.CharField(
                choices=[
                    ("input", "提问"),
                    ("output", "回复"),
                    ("role", "角色"),
                    ("title", "标题"),
                    ("name", "昵称"),
                ],
                max_length=6,
                verbose_name="方向",
            ),
        ),
        migrations.AddIndex(
            model_name="moderationrecord",
            index=models.Index(fields=["label", "-created_at"], name="moderation_by_label"),
        ),
        migrations.AddConstraint(
            model_name="wordlistversion",
            constraint=models.CheckConstraint(condition=models.Q(("id", 1)), name="word_list_version_single"),
        ),
        migrations.RunSQL(TRIGGER, NO_TRIGGER),
        migrations.RunPython(seed_words, migrations.RunPython.noop),
    ]
