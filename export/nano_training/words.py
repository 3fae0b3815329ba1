"""The word lists of the training data, English and Chinese; no logic beyond splitting them."""

from __future__ import annotations

import random

from nano_training.samples import pick

EN_WORDS = """
apple pear plum peach lemon grape melon cherry mango bread rice cheese milk water tea coffee sugar
salt soup cake egg fish bird cat dog horse cow sheep goat duck lion tiger bear wolf fox mouse snake
frog bee ant tree leaf flower grass river lake sea hill stone sand rain snow wind cloud sun moon
star sky night day morning house door window wall roof floor table chair bed lamp box bag cup plate
spoon fork knife pen paper book page letter word song story picture map clock key coin shoe hat coat
shirt ring glass car bus train ship boat plane bike road bridge street town city garden field farm
school shop market music dance game ball kite drum bell doctor teacher farmer king queen child
friend red blue green yellow black white brown pink big small long short old new warm cold fast slow
happy quiet bright dark one two three four five six seven eight nine ten run walk jump read write
sing swim open close buy sell give take make find
""".split()

ZH_WORDS = """
苹果 梨 桃子 柠檬 葡萄 西瓜 樱桃 芒果 面包 米饭 奶酪 牛奶 水 茶 咖啡 糖 盐 汤 蛋糕 鸡蛋 鱼 鸟 猫
狗 马 牛 羊 鸭子
狮子 老虎 熊 狼 狐狸 老鼠 蛇 青蛙 蜜蜂 蚂蚁 树 叶子 花 草 河 湖 海 山 石头 沙子 雨 雪 风 云 太阳
月亮 星星 天空
夜晚 早上 房子 门 窗户 墙 屋顶 地板 桌子 椅子 床 灯 箱子 包 杯子 盘子 勺子 叉子 刀 笔 纸 书 信 词
歌 故事 图画
地图 钟 钥匙 硬币 鞋 帽子 外套 衬衫 戒指 玻璃 汽车 公交车 火车 船 飞机 自行车 路 桥 街道 城市 花园
田野 农场 学校
商店 市场 音乐 舞蹈 游戏 球 风筝 鼓 铃 医生 老师 农民 国王 王后 孩子 朋友 红色 蓝色 绿色 黄色 黑色
白色 粉色 大 小
长 短 旧 新 暖和 寒冷 快 慢 高兴 安静 明亮 黑暗 今天 明天 昨天
""".split()

EN_NAMES = """
Anna Ben Carl Dora Emma Frank Grace Henry Iris Jack Kate Leo Mary Nick Olga Paul Quinn Rosa Sam Tina
Uma Victor Wendy Xavier Yara Zoe Alice Bob Clara David Eva Fred Gina Hugo Ivan Jane Karl Lucy Mark
Nora Oscar Peter Rita Simon Tom Vera Walter Amy Bruno Cathy Daniel Ellen Felix George Helen Julia
Kevin Laura Martin Nina Oliver Sara Thomas Linda Maria Robert Susan Tony Lily Adam Diana Eric Lisa
""".split()

ZH_NAMES = """
小明 小红 小李 小王 小张 小刘 小陈 小林 小芳 小强 小美 小军 小华 小丽 李雷 韩梅 王芳 张伟 刘洋
陈静 杨帆 赵云 黄磊
周涛 吴丹 徐敏 孙丽 马超 朱琳 胡军 郭靖 何平 高原 罗兰 郑爽 梁山 谢娜 宋江 唐宁 许晴 邓超 冯刚
曹雪 彭飞 曾强 肖红
田甜 董洁 潘安 袁泉 蔡明 蒋欣 余华 于洋 杜鹃 叶青 程龙 魏晨 苏晴 吕梁
""".split()

COUNTRIES = [
    tuple(row.split("/"))
    for row in """
France/Paris/法国/巴黎;Germany/Berlin/德国/柏林;Italy/Rome/意大利/罗马;Spain/Madrid/西班牙/马德里
Portugal/Lisbon/葡萄牙/里斯本;Greece/Athens/希腊/雅典;Austria/Vienna/奥地利/维也纳
Poland/Warsaw/波兰/华沙;Hungary/Budapest/匈牙利/布达佩斯;Norway/Oslo/挪威/奥斯陆
Sweden/Stockholm/瑞典/斯德哥尔摩;Finland/Helsinki/芬兰/赫尔辛基;Denmark/Copenhagen/丹麦/哥本哈根
Ireland/Dublin/爱尔兰/都柏林;Belgium/Brussels/比利时/布鲁塞尔;Ukraine/Kyiv/乌克兰/基辅
Romania/Bucharest/罗马尼亚/布加勒斯特;Bulgaria/Sofia/保加利亚/索非亚
Serbia/Belgrade/塞尔维亚/贝尔格莱德
Croatia/Zagreb/克罗地亚/萨格勒布;Iceland/Reykjavik/冰岛/雷克雅未克;Russia/Moscow/俄罗斯/莫斯科
Turkey/Ankara/土耳其/安卡拉;Egypt/Cairo/埃及/开罗;Kenya/Nairobi/肯尼亚/内罗毕
Ethiopia/Addis Ababa/埃塞俄比亚/亚的斯亚贝巴;Ghana/Accra/加纳/阿克拉;Nigeria/Abuja/尼日利亚/阿布贾
Morocco/Rabat/摩洛哥/拉巴特;Tunisia/Tunis/突尼斯/突尼斯;Senegal/Dakar/塞内加尔/达喀尔
China/Beijing/中国/北京;Japan/Tokyo/日本/东京;South Korea/Seoul/韩国/首尔
Mongolia/Ulaanbaatar/蒙古/乌兰巴托
Vietnam/Hanoi/越南/河内;Thailand/Bangkok/泰国/曼谷;Laos/Vientiane/老挝/万象
Cambodia/Phnom Penh/柬埔寨/金边;Malaysia/Kuala Lumpur/马来西亚/吉隆坡
Indonesia/Jakarta/印度尼西亚/雅加达
Philippines/Manila/菲律宾/马尼拉;India/New Delhi/印度/新德里;Nepal/Kathmandu/尼泊尔/加德满都
Bangladesh/Dhaka/孟加拉国/达卡;Pakistan/Islamabad/巴基斯坦/伊斯兰堡;Iran/Tehran/伊朗/德黑兰
Iraq/Baghdad/伊拉克/巴格达;Saudi Arabia/Riyadh/沙特阿拉伯/利雅得;Jordan/Amman/约旦/安曼
Australia/Canberra/澳大利亚/堪培拉;New Zealand/Wellington/新西兰/惠灵顿;Canada/Ottawa/加拿大/渥太华
Mexico/Mexico City/墨西哥/墨西哥城;Cuba/Havana/古巴/哈瓦那;Brazil/Brasilia/巴西/巴西利亚
Argentina/Buenos Aires/阿根廷/布宜诺斯艾利斯;Chile/Santiago/智利/圣地亚哥;Peru/Lima/秘鲁/利马
Colombia/Bogota/哥伦比亚/波哥大
""".replace("\n", ";").split(";")
    if row
]

EN_CITIES = (
    [row[1] for row in COUNTRIES]
    + """
London Shanghai Shenzhen Guangzhou Chengdu Wuhan Osaka Kyoto Mumbai Sydney Melbourne Toronto
Montreal Boston Chicago Houston Dallas Denver Miami Seattle Munich Hamburg Milan Naples Turin Porto
Lyon Nice Geneva Zurich Basel Prague Krakow Istanbul Dubai Doha Lagos Durban Busan Hanover Leeds
York Oxford Bristol Venice Florence Seville Valencia Malaga Bilbao Bergen Gdansk Graz Linz Salzburg
""".split()
)

ZH_CITIES = (
    [row[3] for row in COUNTRIES]
    + """
伦敦 上海 深圳 广州 成都 武汉 大阪 京都 孟买 悉尼 墨尔本 多伦多 波士顿 芝加哥 慕尼黑 汉堡 米兰
里昂 日内瓦 苏黎世
布拉格 迪拜 釜山 威尼斯 佛罗伦萨 重庆 天津 南京 杭州 西安 苏州 青岛 大连 厦门 长沙 沈阳 济南 郑州
合肥 福州 昆明 贵阳
南宁 海口 三亚 拉萨 兰州 西宁 银川 哈尔滨 长春 太原 南昌 无锡 宁波 珠海 桂林 洛阳 扬州 温州
""".split()
)

ZH_CHARACTERS = sorted(set("".join(ZH_WORDS + ZH_NAMES + ZH_CITIES)))
_START = "b c d f g h j k l m n p r s t v w z br ch cl dr fl gr kr pl sh sl st th tr".split()
_VOWEL = "a e i o u ai ee ou ia".split()
_END = ["", "", "", "n", "r", "s", "l", "m", "t", "k", "nd", "rt", "ng"]


def made_up_word(rng: random.Random) -> str:
    """Return a lower-case word of two or three random syllables."""
    parts = [pick(rng, _START) + pick(rng, _VOWEL) for _ in range(rng.randint(1, 2))]
    return "".join(parts) + pick(rng, _START) + pick(rng, _VOWEL) + pick(rng, _END)


def made_up_characters(rng: random.Random, least: int = 2, most: int = 4) -> str:
    """Return a string of random Chinese characters."""
    return "".join(pick(rng, ZH_CHARACTERS) for _ in range(rng.randint(least, most)))


def word(rng: random.Random, chinese: bool) -> str:
    """Return a real word, or (three in ten) a made-up one."""
    if rng.random() < 0.3:
        return made_up_characters(rng, 1, 3) if chinese else made_up_word(rng)
    return pick(rng, ZH_WORDS if chinese else EN_WORDS)


def name(rng: random.Random, chinese: bool) -> str:
    """Return a first name, real or (three in ten) made up."""
    if rng.random() < 0.3:
        return made_up_characters(rng, 2, 3) if chinese else made_up_word(rng).capitalize()
    return pick(rng, ZH_NAMES if chinese else EN_NAMES)


def city(rng: random.Random, chinese: bool) -> str:
    """Return a city, real or (four in ten) made up."""
    if rng.random() < 0.4:
        return made_up_characters(rng, 2, 4) if chinese else made_up_word(rng).capitalize()
    return pick(rng, ZH_CITIES if chinese else EN_CITIES)
