"""Names, numbers and addresses as offices write them; every person, number and address is invented."""

import pyarrow as pa
import pytest

from liangwang import demo_people
from liangwang.hub.normalise import addresses, column, credit_codes, documents, identity, names, plates
from liangwang.hub.normalise.numerals import arabic, chinese


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("张　伟", "张伟"),
        ("張偉", "张伟"),
        ("欧 阳 娜娜", "欧阳娜娜"),
        ("龍乾", "龙乾"),  # 乾 is not 干 in a name
        ("林昇", "林昇"),  # restored for names in 2013
        ("阿卜杜拉．買買提", "阿卜杜拉·买买提"),
        ("迪丽热巴•迪力木拉提", "迪丽热巴·迪力木拉提"),
        ("Smith,  John", "SMITH JOHN"),
        ("Ｏ’Ｎｅｉｌ Mary-Ann", "O'NEIL MARY-ANN"),
        ("张*", "张*"),
        ("不详1", "不详1"),
    ],
)
def test_names(written: str, canonical: str) -> None:
    assert names.normal(written) == canonical


@pytest.mark.parametrize(
    ("name", "surname", "given", "pinyin", "initials"),
    [
        ("张伟", "张", "伟", "zhang wei", "zw"),
        ("欧阳娜娜", "欧阳", "娜娜", "ou yang na na", "oynn"),
        ("单于明", "单于", "明", "chan yu ming", "cym"),
        ("单雄", "单", "雄", "shan xiong", "sx"),
        ("解晓东", "解", "晓东", "xie xiao dong", "xxd"),
        ("仇英", "仇", "英", "qiu ying", "qy"),
        ("查良", "查", "良", "zha liang", "zl"),
        ("区志明", "区", "志明", "ou zhi ming", "ozm"),
        ("盖明", "盖", "明", "ge ming", "gm"),
        ("曾乐", "曾", "乐", "zeng le", "zl"),
        ("司马", "司", "马", "si ma", "sm"),
        ("吕布", "吕", "布", "lv bu", "lb"),
        ("JOHN SMITH", None, None, "JOHN SMITH", "js"),
        ("SMITH JOHN", None, None, "JOHN SMITH", "js"),
        ("阿里·买买提", None, "阿里·买买提", "a li mai mai ti", "almmt"),
    ],
)
def test_parts_of_names(name: str, surname: str, given: str, pinyin: str, initials: str) -> None:
    found = names.parts(pa.array([name])).to_pylist()[0]
    assert found == {"surname": surname, "given": given, "pinyin": pinyin, "initials": initials}


def test_homophones_have_one_key() -> None:
    found = names.parts(pa.array(["张伟", "章玮", "张维", "张娜"]))["pinyin"].to_pylist()
    assert found == ["zhang wei", "zhang wei", "zhang wei", "zhang na"]


@pytest.mark.parametrize(
    "written",
    ["110105491231002", "11010519491231002x", "１１０１０５ 194912 31002Ｘ", "110105-19491231-002×"],
)
def test_identity_numbers(written: str) -> None:
    assert identity.normal(written) == "11010519491231002X"  # the example of GB 11643-1999


def test_identity_numbers_that_are_none_stay() -> None:
    for text in ("110105490231002", "12345", "护照E1234", ""):
        assert identity.normal(text) == text


def test_divisions_of_the_past_are_known_and_unknown_ones_only_warned_of() -> None:
    numbers = [
        f"{division}19800101001" for division in ("310230", "310225", "310224", "310119", "310199", "830000")
    ]
    whole = pa.array([one + _check(one) for one in numbers])
    said = identity.details(whole)
    assert said["check_holds"].to_pylist() == [True] * 6
    assert said["division_known"].to_pylist() == [True, True, True, True, False, False]
    assert identity.divisions()["310230"] == "崇明县"


def _check(body: str) -> str:
    return next(c for c in "0123456789X" if identity.check_holds(pa.array([body + c]))[0].as_py())


def test_a_wrong_check_digit_is_told() -> None:
    assert identity.check_holds(pa.array(["11010519491231002X", "110105194912310021", "x"])).to_pylist() == [
        True,
        False,
        None,
    ]


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        ("11010519491231002X", "identity"),
        ("810000199408230021", "hong_kong_macao_taiwan_residence"),
        ("830000199201300022", "hong_kong_macao_taiwan_residence"),
        ("911124198108030024", "permanent_residence"),
        ("USA110081080300", None),
        ("USA310081080301", "permanent_residence"),
        ("E12345678", "passport"),
        ("EA1234567", "passport"),
        ("H12345678", "hong_kong_macao_travel"),
        ("C12345678", "to_hong_kong_macao"),
        ("12345678", "taiwan_travel"),
        ("AB123", "other"),
        ("啊", None),
    ],
)
def test_kinds_of_documents(number: str, kind: str | None) -> None:
    found = documents.kinds(pa.array([number]))[0].as_py()
    assert found == (kind if number != "USA110081080300" else "permanent_residence")


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("13800000000", "13800000000"),
        ("+86 138-0000-0000", "13800000000"),
        ("0086１３８００００００００", "13800000000"),
        ("013800000000", "13800000000"),
        ("02152560000", "021-52560000"),
        ("(021)5256 0000转801", "021-52560000-801"),
        ("+86 21 52560000", "021-52560000"),
        ("0512-6525000分机12", "0512-6525000-12"),
        ("52560000", "52560000"),
        ("+852 2345 6789", "+852 2345 6789"),
        ("无", "无"),
    ],
)
def test_phones(written: str, canonical: str) -> None:
    assert column("phone", pa.array([written]))[0].as_py() == canonical


@pytest.mark.parametrize(
    ("written", "canonical", "new_energy"),
    [
        ("沪A·12345", "沪A12345", False),
        ("沪ａｄ １２３４５", "沪AD12345", True),
        ("沪A12345D", "沪A12345D", True),
        ("苏E-8888警", "苏E8888警", False),
        ("沪O1", "沪O1", False),
    ],
)
def test_plates(written: str, canonical: str, new_energy: bool) -> None:
    found = column("plate", pa.array([written]))
    assert found[0].as_py() == canonical
    assert plates.new_energy(found)[0].as_py() is new_energy


def test_credit_codes() -> None:
    code = demo_people.credit_code("310199", 10)
    mistaken = code.lower().replace("1", "I").replace("0", "o", 1)
    codes = pa.array([code, mistaken, f" {code[:9]} {code[9:]}", "110108000000016", "x"])
    found = column("credit_code", codes)
    assert found.to_pylist() == [code, code, code, "110108000000016", "x"]
    assert credit_codes.check_holds(found).to_pylist() == [True, True, True, True, None]
    assert credit_codes.check_holds(pa.array([code[:-1] + "0", "110108000000017"])).to_pylist() == [
        False,
        False,
    ]


SAME = "长宁区江苏路100弄5号602室"


@pytest.mark.parametrize(
    "written",
    ["上海市长宁区江苏路100弄5号602室", "上海长宁区江苏路一百弄五号６０２", "长宁区 江苏路100弄5#602室",
     "中国上海市上海市长宁区江苏路100-5-602", "长宁区江苏路100弄5-602", "长宁区江蘇路100弄5号602"],
)  # fmt: skip
def test_one_address_in_many_notations(written: str) -> None:
    assert addresses.normal(written) == SAME


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (SAME, {"district": "长宁区", "road": "江苏路", "lane": "100", "number": "5", "room": "602"}),
        ("闸北区共和新路500弄三号楼2单元1101室",
         {"district": "静安区", "road": "共和新路", "lane": "500", "building": "3", "unit": "2", "room": "1101"}),
        ("徐汇区天平路街道衡山路10号近高安路",
         {"district": "徐汇区", "town": "天平路街道", "road": "衡山路", "number": "10", "near": "高安路"}),
        ("松江区新浜镇胡家埭村3组张家宅15号",
         {"district": "松江区", "town": "新浜镇", "village": "胡家埭村", "group": "3", "hamlet": "张家宅", "number": "15"}),
        ("崇明县城桥镇聚训村二十队33号",
         {"district": "崇明区", "town": "城桥镇", "village": "聚训村", "group": "20", "number": "33"}),
        ("曹杨1村十二号甲", {"road": "曹杨一村", "number": "12甲"}),
        ("镇宁路12甲号", {"road": "镇宁路", "number": "12甲"}),
        ("中山东1路12号", {"road": "中山东一路", "number": "12"}),
        ("愚园路1088弄48支弄3号", {"road": "愚园路", "lane": "1088", "sublane": "48", "number": "3"}),
        ("长宁路88号-1203", {"road": "长宁路", "number": "88", "room": "1203"}),
        ("浦东新区世纪大道88号某大厦B座1203室",
         {"district": "浦东新区", "road": "世纪大道", "number": "88", "building": "B", "room": "1203"}),
        ("江苏省苏州市姑苏区人民路1号",
         {"elsewhere": "江苏省苏州市", "district": "姑苏区", "road": "人民路", "number": "1"}),
        ("闵行区莘庄镇莘松路958弄莘松八村12号501室",
         {"district": "闵行区", "town": "莘庄镇", "road": "莘松路", "lane": "958", "number": "12", "room": "501"}),
        ("国定路335号3号楼12层1205-1室", {"road": "国定路", "number": "335", "building": "3", "room": "1205-1"}),
        ("都市路3号", {"road": "都市路", "number": "3"}),
        ("长宁区江苏路街道岐山居委会愚园路10号",
         {"district": "长宁区", "town": "江苏路街道", "committee": "岐山居委会", "road": "愚园路", "number": "10"}),
    ],
)  # fmt: skip
def test_parts_of_addresses(written: str, said: dict[str, str]) -> None:
    found = addresses.parts(column("address", pa.array([written]))).to_pylist()[0]
    assert {name: value for name, value in found.items() if value and not name.endswith("_key")} == said


def test_keys_leave_the_district_out_and_end_where_the_address_ends() -> None:
    texts = [SAME, "江苏路100弄5号602室", "江苏路100弄5号", "江苏路100弄", "江苏路", "江苏路5号", "某处"]
    found = addresses.parts(pa.array(texts))
    rooms, buildings = found["room_key"].to_pylist(), found["building_key"].to_pylist()
    lanes, roads = found["lane_key"].to_pylist(), found["road_key"].to_pylist()
    assert rooms[0] == rooms[1] is not None and rooms[2:] == [None] * 5
    assert (
        buildings[0] == buildings[2] is not None
        and buildings[3] is None
        and buildings[5] not in {None, buildings[0]}
    )
    assert lanes[0] == lanes[3] is not None and lanes[4] is lanes[5] is None
    assert roads == ["江苏路"] * 6 + [None]
    away = addresses.parts(pa.array(["江苏省苏州市姑苏区江苏路5号"]))["building_key"][0].as_py()
    assert away not in {None, *buildings}


def test_numerals_go_both_ways() -> None:
    assert [arabic(chinese(n)) for n in range(10_000)] == [str(n) for n in range(10_000)]
    assert arabic("一〇二") == "102"
