import pytest

from framegauge.export.catalog import find, listings
from framegauge.export.contract.entry import Entry, Option, find_listing, nearest, parse_entries


def test_entries_are_names_with_options_and_labels() -> None:
    entries = parse_entries("psnr, census[patch=5;scale=255] ,mine=ssim[padding=replicate]")

    assert entries == [
        Entry("psnr"),
        Entry("census", (("patch", "5"), ("scale", "255"))),
        Entry("ssim", (("padding", "replicate"),), label="mine"),
    ]


@pytest.mark.parametrize(
    "text", ["mine=psnr[cap=50]", " mine = psnr [ cap = 50 ] ", "mine= psnr\t[cap=50;]"]
)
def test_spaces_around_the_parts_of_an_entry_are_nothing(text: str) -> None:
    assert parse_entries(text) == [Entry("psnr", (("cap", "50"),), "mine")]


def test_a_list_of_entries_is_the_same_as_their_text() -> None:
    assert parse_entries(["psnr", "census[patch=5]"]) == parse_entries("psnr,census[patch=5]")


def test_an_entry_is_written_as_it_was_read() -> None:
    (entry,) = parse_entries("mine=census[patch=5;scale=255]")

    assert str(entry) == "census[patch=5;scale=255]"


@pytest.mark.parametrize(
    "text", ["", "psnr,,ssim", "psnr[", "psnr]", "psnr[cap=50]x", "[cap=50]", "a= [x=1]"]
)
def test_text_that_is_no_entry_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an entry"):
        parse_entries(text)


@pytest.mark.parametrize("text", ["psnr[cap]", "psnr[=50]", "psnr[cap=]", "psnr[cap=50;x]"])
def test_an_option_without_name_or_value_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not option=value"):
        parse_entries(text)


@pytest.mark.parametrize("label", ["Mine", "1st", "a-b", "a.b", "a b", ""])
def test_a_label_that_no_report_could_hold_is_refused(label: str) -> None:
    with pytest.raises(ValueError, match="cannot be a label"):
        parse_entries(f"{label}=psnr")


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("psnr", "psnr"),
        ("ie", "interpolation_error"),
        ("census[patch=5]", "census_patch_5"),
        ("census[patch=7]", "census"),
        ("census[scale=255;patch=3]", "census_scale_255_0_patch_3"),
        ("ssim[form=dssim;padding=replicate]", "ssim_form_dssim_padding_replicate"),
        ("charbonnier[epsilon=1e-6]", "charbonnier_epsilon_1e_06"),
        ("mine=census[patch=5]", "mine"),
    ],
)
def test_a_label_is_the_name_and_the_options_that_differ(text: str, label: str) -> None:
    (entry,) = parse_entries(text)

    assert find_listing(entry, listings()).label(entry) == label


@pytest.mark.parametrize(("alias", "name"), [("ie", "interpolation_error"), ("lap", "laplacian")])
def test_an_alias_finds_its_entry(alias: str, name: str) -> None:
    assert find(alias).spec.name == name


def test_ssim_matlab_is_the_name_that_papers_use() -> None:
    assert find("ssim_matlab").spec.name == "ssim_3d"


@pytest.mark.parametrize(
    ("text", "suggested"), [("pnsr", "psnr"), ("sim", "ssim"), ("charbonier", "charbonnier")]
)
def test_an_unknown_entry_is_refused_with_the_nearest(text: str, suggested: str) -> None:
    with pytest.raises(ValueError, match=f"no metric called '{text}'.*mean '{suggested}'"):
        find(text)


def test_a_word_like_none_is_refused_without_a_suggestion() -> None:
    with pytest.raises(ValueError, match=r"no metric called 'qqqqqq'[^?]*$"):
        find("qqqqqq")
    assert nearest("qqqqqq", ["psnr"]) == "."


def test_an_unknown_option_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"census has no option 'pach'; did you mean 'patch'"):
        find("census[pach=5]")


def test_an_entry_without_options_says_so() -> None:
    with pytest.raises(ValueError, match=r"l1 has no option 'epsilon'.*Its options: none"):
        find("l1[epsilon=1]")


def test_an_option_given_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="Option patch of census is given twice"):
        find("census[patch=5;patch=3]")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("census[patch=5.5]", "patch of census takes a value of type int, got '5.5'"),
        ("census[patch=1_1]", "patch of census takes a value of type int, got '1_1'"),
        ("psnr[cap=\u0663\u0660]", "cap of psnr takes a value of type float, got '\u0663\u0660'"),
        ("census[scale=big]", "scale of census takes a value of type float, got 'big'"),
        ("psnr[cap=inf]", "cap of psnr takes a finite number, got 'inf'. Its default is 100"),
        ("psnr[epsilon=nan]", "epsilon of psnr takes a finite number, got 'nan'"),
        ("rife[threshold=-inf]", "threshold of rife takes a finite number, got '-inf'"),
        ("ssim[padding=zero]", "padding of ssim takes one of valid, replicate, reflect"),
    ],
)
def test_a_value_of_another_type_is_refused(text: str, wanted: str) -> None:
    with pytest.raises(ValueError, match=wanted):
        find(text)


@pytest.mark.parametrize(("text", "value"), [("true", True), ("False", False)])
def test_a_switch_reads_true_and_false(text: str, value: bool) -> None:
    option = Option(name="masked", type="bool", default=False)

    assert option.read(text, of="epe") is value


def test_a_switch_refuses_anything_else() -> None:
    option = Option(name="masked", type="bool", default=False)

    with pytest.raises(ValueError, match="masked of epe takes true or false, got '1'"):
        option.read("1", of="epe")


def test_options_are_those_of_the_signature() -> None:
    (entry,) = parse_entries("census")

    options = find_listing(entry, listings()).options

    assert [(option.name, option.type, option.default) for option in options] == [
        ("patch", "int", 7),
        ("scale", "float", 1.0),
        ("border", "int", 1),
    ]


def test_a_module_has_the_options_asked_for() -> None:
    census = find("census[patch=3;scale=255]")

    assert (census.patch, census.scale, census.border) == (3, 255.0, 1)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("SSIM", "did you mean 'ssim'"),
        ("MS-SSIM", "did you mean 'ms_ssim'"),
        ("LPIPS", "did you mean 'lpips_alex' or 'lpips_vgg'"),
        ("PSNR-Y", "did you mean 'psnr_y'"),
        ("vmaf_v0.6.1", "no VMAF here, and so no 'vmaf_v0.6.1': libvmaf computes it.*float_ssim"),
        ("VMAF", "no VMAF here, and so no 'VMAF'"),
    ],
)
def test_names_that_papers_use_lead_to_what_there_is(name: str, words: str) -> None:
    (entry,) = parse_entries(name)

    with pytest.raises(ValueError, match=words):
        find_listing(entry, listings())
