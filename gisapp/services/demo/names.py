"""Names: streets, estates, organisations and people. Invented; no name is taken from a real person."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

# Characters of Chinese place names; a stem is one of the first and one of the second row.
_FIRST = "文永安和庆云清翠锦望新东南北中武德善仁义春秋景福康泰丰石柳桂梅竹松枫莲荷宝金玉青碧白高长广平顺兴盛华芳香秀明朝晨霞星月凤鹤"
_SECOND = "林桥江塘园溪泉湾坊亭阁台井花苑渡堤浦汀埠墩荡潭洲岸峰谷岭阳川田圃庭轩里源池港湖"
_ESTATE_OLD = ("新村", "小区", "里", "坊", "弄", "公寓")
_ESTATE_NEW = ("花园", "苑", "名苑", "家园", "公寓", "华庭", "雅苑", "嘉园", "府", "佳苑")

# Surnames with their share per thousand, in the order of the 2020 census report (top 100, rounded).
_SURNAMES = (
    "王72 李71 张68 刘54 陈45 杨31 黄23 赵22 吴20 周19 徐15 孙15 马13 朱13 胡12 林11 郭11 何11 高10 罗10 郑9 梁9 谢8 宋8 唐7 许7 邓7 "
    "冯6 韩6 曹6 曾6 彭6 萧5 蔡5 潘5 田5 董5 袁5 于5 余5 叶5 蒋5 杜5 苏4 魏4 程4 吕4 丁4 沈9 任4 姚4 卢4 傅4 钟4 姜4 崔3 谭3 廖3 范3 "
    "汪4 陆5 金5 石3 戴3 贾3 韦3 夏3 邱3 方4 侯3 邹3 熊3 孟3 秦3 白3 江3 阎2 薛3 尹3 段3 雷3 黎2 史3 龙3 陶3 贺3 顾4 毛3 郝2 龚3 邵3 "
    "万3 钱4 严3 赖2 覃2 洪3 武2 莫2 孔2 汤3 俞4 章4 楼3 施4 来2 欧阳1"
)
# Given-name characters by sex and by period of birth (before 1970, to 1995, after).
_GIVEN = {
    ("男", 0): "国建志明德福根荣华祥兴林松生水宝金平贵庆富新海元家永连春才顺康忠义文武善良仁发有",
    ("男", 1): "伟强军勇杰涛斌波刚鹏辉磊峰亮超明俊东宁凯健飞翔龙文海洋晓建志平华林江浩宇立新毅",
    ("男", 2): "子轩宇浩然梓睿泽辰一诺博文俊熙铭晨佑恒嘉天昊奕霖皓瑞哲翊安言承景行知远乐川",
    ("女", 0): "秀英兰珍凤玉桂香菊月琴爱芬彩云梅珠美素娟花惠莲巧玲金水妹宝芳春夏娥荷仙阿根琼淑",
    ("女", 1): "芳娜敏静丽艳娟霞燕玲萍红梅婷洁琳雪慧莉颖倩晓丹蕾欣怡佳璐薇晶瑶蓉君琴菲华英",
    ("女", 2): "梓涵欣怡诗雨萱语桐可馨一诺思琪若曦佳依然沐瑶芷晴安宁悦心妍伊朵念清予夏禾知乐",
}
_SINGLE_SHARE = (0.34, 0.40, 0.08)


def stems(rng: np.random.Generator, taken: Iterable[str] = ()) -> list[str]:
    """Two-character stems of place names in random order, without those already taken."""
    used = set(taken)
    every = [a + b for a in _FIRST for b in _SECOND if a != b and a + b not in used]
    order = rng.permutation(len(every))
    return [every[int(i)] for i in order]


def estate_name(stem: str, modern: bool, rng: np.random.Generator) -> str:
    """Name of a compound: old ones are 新村 and 里, new ones 苑 and 府."""
    endings = _ESTATE_NEW if modern else _ESTATE_OLD
    return stem + endings[int(rng.integers(len(endings)))]


def surnames(count: int, rng: np.random.Generator) -> np.ndarray:
    """Surnames by their frequency, (count,) of str."""
    items = [(part.rstrip("0123456789"), part) for part in _SURNAMES.split()]
    names = np.array([name for name, _ in items], dtype=object)
    weight = np.array([float(part[len(name) :]) for name, part in items])
    return names[rng.choice(len(names), size=count, p=weight / weight.sum())]


def given_names(female: np.ndarray, birth_year: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Given names of one or two characters in the fashion of the year of birth, (n,) of str."""
    count = len(female)
    period = np.where(birth_year < 1970, 0, np.where(birth_year < 1996, 1, 2))
    result = np.empty(count, dtype=object)
    for sex in ("男", "女"):
        for age in range(3):
            mine = np.flatnonzero((female == (sex == "女")) & (period == age))
            pool = np.array(list(_GIVEN[(sex, age)]), dtype=object)
            one = pool[rng.integers(len(pool), size=len(mine))]
            two = pool[rng.integers(len(pool), size=len(mine))]
            single = rng.random(len(mine)) < _SINGLE_SHARE[age]
            result[mine] = np.where(single, one, one + two)
    return result
