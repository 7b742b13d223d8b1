#include "manifest_form.hpp"

#include <utility>

namespace framegauge {
namespace {

Form of(unsigned kinds) { return {kinds, {}, 0, {}, {}}; }
Form one_of(std::vector<std::string> choices) {
    return {text_kind, std::move(choices), 0, {}, {}};
}
Form list_of(Form item, std::size_t length = 0) {
    return {list_kind, {}, length, {std::move(item)}, {}};
}
Form table_of(Form value) { return {table_kind, {}, 0, {std::move(value)}, {}}; }
Form object_of(std::vector<Field> fields) {
    return {object_kind, {}, 0, {}, std::move(fields)};
}
Form or_null(Form form) {
    form.kinds |= null_kind;
    return form;
}

constexpr bool optional = true;

const Form any_text = of(text_kind);
const Form any_whole = of(whole_kind);
const Form any_number = of(number_kind);

Form input_form() {
    return object_of({
        {"name", any_text},
        {"role", any_text},
        {"part", any_text},
        {"dtype", one_of({"uint8", "float32"})},
        {"dims", list_of(of(text_kind | whole_kind))},
    });
}

Form output_form() {
    return object_of({
        {"name", any_text},
        {"kind", one_of({"score", "moment", "map"})},
        {"entry", any_text},
        {"options", table_of(of(text_kind | number_kind | flag_kind))},
        {"inputs", list_of(any_text)},
        {"masked", of(flag_kind)},
        {"transfer", one_of({"any", "sdr", "pq", "hlg"})},
        {"ends", one_of({"repeat", "zero", "not_judged"})},
        {"better", one_of({"higher", "lower"})},
        {"ideal", or_null(any_number)},
        {"low", any_number},
        {"high", or_null(any_number)},
        {"unit", any_text},
        {"least", any_whole},
        {"tolerance", any_number},
        {"relative", any_number},
        {"grid",
         or_null(object_of({{"offset", any_number, optional}, {"stride", any_number, optional}})),
         optional},
    });
}

Form aggregate_form() {
    return object_of({
        {"name", any_text},
        {"of", list_of(any_text)},
        {"finish", one_of({"psnr", "mean", "root", "ratio"})},
        {"peak", or_null(any_number), optional},
        {"cap", or_null(any_number), optional},
    });
}

Form self_test_form() {
    return object_of({
        {"pattern", any_whole},
        {"formula", any_text},
        {"batch", any_whole},
        {"sizes", list_of(list_of(any_whole, 2))},
        {"colour", or_null(list_of(list_of(list_of(any_number)))), optional},
        {"siting", or_null(list_of(list_of(any_number))), optional},
        {"scores", list_of(table_of(list_of(any_number)))},
        {"clips", list_of(table_of(any_number))},
        {"still", table_of(any_number), optional},
        {"share", any_number, optional},
    });
}

}  // namespace

const Form& manifest_form() {
    static const Form form = object_of({
        {"schema", any_whole, optional},
        {"required", list_of(any_text), optional},
        {"format", any_text},
        {"inputs", list_of(input_form())},
        {"outputs", list_of(output_form())},
        {"aggregates", list_of(aggregate_form()), optional},
        {"precision", one_of({"fp32", "fp16"}), optional},
        {"quantise", or_null(any_whole), optional},
        {"crop_border", any_whole, optional},
        {"matrix", or_null(any_text), optional},
        {"range", or_null(any_text), optional},
        {"chroma_siting", or_null(any_text), optional},
        {"weights",
         list_of(object_of({
             {"name", any_text},
             {"sha256", any_text},
             {"licence", any_text},
             {"origin", any_text},
         })),
         optional},
        {"missing", list_of(object_of({{"name", any_text}, {"needs", list_of(any_text)}})),
         optional},
        {"rounding",
         list_of(object_of({
             {"name", any_text},
             {"half", of(flag_kind)},
             {"errors", table_of(or_null(any_number))},
             {"allowed", table_of(any_number)},
         })),
         optional},
        {"versions", table_of(any_text), optional},
        {"self_test", self_test_form()},
    });
    return form;
}

}  // namespace framegauge
