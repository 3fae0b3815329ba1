"""The Chinese half of the fixed texts that an export is held against. Never calibrate on them."""

from ovglm.messages import Message, ToolCall
from ovglm_export.verify.texts_en import collect

__all__ = ["CHINESE"]

_TRAINS = (
    {
        "type": "function",
        "function": {
            "name": "查询车次",
            "description": "按出发站、到达站和日期查询列车车次。",
            "parameters": {
                "type": "object",
                "properties": {
                    "出发站": {"type": "string"},
                    "到达站": {"type": "string"},
                    "日期": {"type": "string", "description": "格式为 YYYY-MM-DD"},
                },
                "required": ["出发站", "到达站", "日期"],
            },
        },
    },
    {
        "type": "function",
        "function": {
            "name": "订票",
            "description": "预订一张车票。",
            "parameters": {
                "type": "object",
                "properties": {"车次": {"type": "string"}, "座位": {"type": "string"}},
                "required": ["车次"],
            },
        },
    },
)

_PROSE = (
    """\
清晨的渡口还笼着一层薄雾，船工老周已经把缆绳解开了。对岸的山只露出一条淡淡的轮廓，像谁用毛笔随手画了一笔。\
等船的人不多：一个挑着青菜的妇人，两个去镇上读书的孩子，还有一位背着画夹的年轻人。年轻人问，雾什么时候会散？\
老周看了看水面，说，等你画完第一张，它就散了。

船到江心，太阳果然从雾里透出来，水面一下子亮了。孩子们趴在船舷上数鱼，妇人把菜篮往里挪了挪，怕溅上水。谁也没有说话，\
只听见桨声一下一下地响。
""",
    """\
豆腐的做法并不复杂：黄豆浸泡一夜，磨成浆，滤去豆渣，煮沸后加入盐卤或石膏，蛋白质便凝结起来，压去水分就成了豆腐。难的是火候和比例。\
卤水多了，豆腐发苦发硬；少了，又凝不成块。各地的水质不同，豆子的品种也不同，所以同一个方子换一个地方，做出来的味道往往不一样。\
老师傅凭手感和气味判断，新的作坊则用温度计和天平，两种办法都能做出好豆腐。
""",
    """\
城市里的树木能降低夏天的气温，原因有两个：树冠挡住了直射的阳光，叶片蒸腾水分时又带走了热量。一项测量显示，林荫道上的气温比没有树的街道低二到四度，\
柏油路面的温差更大。不过树木需要足够的土壤和水，种在狭窄的树池里，根系得不到伸展，往往不到十年就衰弱了。因此规划道路时，\
应当先给根系留出空间，再考虑种什么树。
""",
)

_DIALOGUE = (
    (
        "我晚上总是睡不好，有什么办法吗？",
        "可以先从三件事做起：每天同一时间起床，下午三点以后不喝咖啡和浓茶，睡前半小时不看手机。坚持两周，大多数人会有改善。",
        "如果还是睡不着呢？",
        "躺下二十分钟还没睡着，就起来做点安静的事，困了再回到床上。要是持续一个月以上，建议去看医生。",
    ),
    (
        "帮我想一个周末带父母出游的计划，他们走不了太远的路。",
        "可以安排一天的慢节奏行程：上午去植物园，园内有电瓶车，走路不超过一公里；中午在附近吃家常菜；下午找一处临湖的茶馆坐坐，傍晚回家。\
如果天气不好，就把植物园换成博物馆，那里有轮椅可以借。",
        "母亲不喜欢人多的地方。",
        "那就周日早上八点半到，避开十点以后的高峰。茶馆可以提前订靠窗的座位，选离门口远一点的。",
        "好的，需要带什么？",
        "带一件薄外套、常用的药、一壶温水，再准备一把折叠凳，路上累了随时可以休息。",
    ),
    (
        "为什么海水是咸的，而河水不咸？",
        "河水也含有少量的盐，只是浓度很低。雨水流过岩石和土壤，溶解了一点矿物质，带进大海。海水蒸发时，水变成了云，盐却留了下来。\
几亿年里不断积累，海水就变得很咸了。死海没有出口，蒸发又强，所以比大海还要咸得多。",
    ),
)

_CODE = (
    '''\
def 统计词频(文本: str) -> dict[str, int]:
    """统计每个词出现的次数，按次数从多到少排列。"""
    次数: dict[str, int] = {}
    for 词 in 文本.split():
        次数[词] = 次数.get(词, 0) + 1
    return dict(sorted(次数.items(), key=lambda 项: -项[1]))


print(统计词频("春 风 春 雨 春"))  # {'春': 3, '风': 1, '雨': 1}
''',
    """\
// 把价格表按类别分组，并算出每一类的平均价
function averageByCategory(items) {
  const groups = new Map();
  for (const { category, price } of items) {
    const known = groups.get(category) ?? { sum: 0, count: 0 };
    groups.set(category, { sum: known.sum + price, count: known.count + 1 });
  }
  return [...groups].map(([category, { sum, count }]) => ({
    category,
    average: Math.round((sum / count) * 100) / 100,
  }));
}

const items = [{ category: "水果", price: 6.5 }, { category: "水果", price: 9 }];
console.table(averageByCategory(items)); // 水果的平均价是 7.75
""",
    """\
#!/bin/sh
# 把照片按拍摄年份放进不同的文件夹
set -eu
photos="$1"
find "$photos" -maxdepth 1 -name '*.jpg' | sort | while read -r photo; do
  year=$(date -r "$photo" +%Y)
  echo "$photo 拍摄于 $year 年"
  install -d "$photos/$year"
  mv -n -- "$photo" "$photos/$year/"
done
echo "整理完毕，一共 $(ls -d "$photos"/*/ | wc -l) 个年份"
""",
)

_ARITHMETIC = (
    (
        "36 加 57 等于多少？",
        "36 + 57 = 93。",
        "93 减去 48 呢？",
        "93 - 48 = 45。",
        "再除以 9。",
        "45 / 9 = 5。",
    ),
    (
        "一个水池长 12 米，宽 5 米，深 2 米，能装多少立方米水？",
        "体积是长乘宽乘深：12 × 5 × 2 = 120，所以能装 120 立方米水。",
        "水管每分钟注入 1.5 立方米，多久注满？",
        "120 ÷ 1.5 = 80，需要 80 分钟，也就是 1 小时 20 分钟。",
    ),
    (
        "小明买了 3 支铅笔和 2 本练习本，一共 19 元。练习本每本 5 元，铅笔每支多少元？",
        "两本练习本是 2 × 5 = 10 元，剩下 19 - 10 = 9 元，9 ÷ 3 = 3，所以铅笔每支 3 元。",
        "从 7 开始，写出六个 7 的倍数。",
        "7，14，21，28，35，42。",
        "三分之二和零点六五，哪个大？",
        "三分之二约等于 0.667，大于 0.65，所以三分之二大。",
    ),
)

_TOOLS = (
    (
        Message("user", "杭州今天天气怎么样？"),
        Message("assistant", "", (ToolCall("get_weather", '{"city": "杭州"}', "1"),)),
        Message("tool", '{"weather": "小雨", "temperature": 17}', tool_call_id="1"),
        Message("assistant", "杭州今天有小雨，气温 17 度。"),
    ),
    (
        Message("system", "你是车站的购票助手。", tools=_TRAINS),
        Message("user", "我想五月三日从南京去武汉，上午有什么车？"),
        Message(
            "assistant",
            "",
            (
                ToolCall(
                    "查询车次",
                    '{"出发站": "南京", "到达站": "武汉", "日期": "2024-05-03"}',
                    "1",
                ),
            ),
        ),
        Message("tool", '[{"车次": "D3071", "开车": "09:12", "历时": "3:05"}]', tool_call_id="1"),
        Message("assistant", "上午有 D3071 次，9 点 12 分开车，历时 3 小时 5 分。要订票吗？"),
        Message("user", "订一张靠窗的。"),
        Message("assistant", "", (ToolCall("订票", '{"车次": "D3071", "座位": "靠窗"}', "2"),)),
        Message("tool", '{"成功": true, "座位": "05车12F"}', tool_call_id="2"),
        Message("assistant", "已订好，您的座位是 05 车 12F，靠窗。"),
    ),
)

CHINESE = collect("zh", _PROSE, _DIALOGUE, _CODE, _ARITHMETIC, _TOOLS)
