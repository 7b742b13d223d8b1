#include "json_form.hpp"

#include "failure.hpp"

#include <algorithm>
#include <cmath>

namespace framegauge {
namespace {

bool is_of(const Json& value, const Form& form) {
    switch (value.type()) {
        case Json::value_t::null:
            return (form.kinds & null_kind) != 0;
        case Json::value_t::boolean:
            return (form.kinds & flag_kind) != 0;
        case Json::value_t::number_integer:  // below 0
            return (form.kinds & (whole_kind | number_kind)) != 0 &&
                   value.get<std::int64_t>() >= -most_whole;
        case Json::value_t::number_unsigned:
            return (form.kinds & (whole_kind | number_kind)) != 0 &&
                   value.get<std::uint64_t>() <= std::uint64_t{most_whole};
        case Json::value_t::number_float:
            return (form.kinds & number_kind) != 0 && std::abs(value.get<double>()) <= most_real;
        case Json::value_t::string:
            return (form.kinds & text_kind) != 0;
        case Json::value_t::array:
            return (form.kinds & list_kind) != 0 &&
                   (form.length == 0 || value.size() == form.length);
        case Json::value_t::object:
            return (form.kinds & (object_kind | table_kind)) != 0;
        default:
            return false;
    }
}

std::string wanted(const Form& form) {
    std::vector<std::string> kinds;
    if (form.kinds & text_kind) kinds.emplace_back("a text");
    if (form.kinds & whole_kind) kinds.emplace_back("a whole number");
    if (form.kinds & number_kind) kinds.emplace_back("a number");
    if (form.kinds & flag_kind) kinds.emplace_back("true or false");
    if (form.kinds & list_kind)
        kinds.push_back(form.length > 0 ? text("a list of ", form.length) : "a list");
    if (form.kinds & (object_kind | table_kind)) kinds.emplace_back("an object");
    std::string all;
    for (const std::string& kind : kinds) all += (all.empty() ? "" : " or ") + kind;
    return all;
}

void check_fields(const Json& value, const Form& form, const std::string& where) {
    std::vector<std::string> lacking;
    for (const Field& field : form.fields) {
        const auto found = value.find(field.name);
        if (found != value.end())
            check_form(*found, field.form, where.empty() ? field.name : where + "." + field.name);
        else if (!field.is_optional)
            lacking.push_back(field.name);
    }
    if (!lacking.empty())
        throw failed(where.empty() ? "it" : where, " has no ", listed(lacking));
}

}  // namespace

Json parsed(const std::string& text) {
    std::vector<std::set<std::string>> keys;  // of the objects around the place that is read
    return Json::parse(text, [&](int, Json::parse_event_t event, Json& value) {
        if (event == Json::parse_event_t::object_start) keys.emplace_back();
        if (event == Json::parse_event_t::object_end) keys.pop_back();
        if (event == Json::parse_event_t::key &&
            !keys.back().insert(value.get_ref<const std::string&>()).second)
            throw failed(shown(value), " is there twice");
        return true;
    });
}

void check_form(const Json& value, const Form& form, const std::string& where) {
    if (!is_of(value, form))
        throw failed(where.empty() ? "it" : where, " is ", shown(value), ", and should be ",
                     form.choices.empty() ? wanted(form) : "one of " + listed(form.choices));
    if (value.is_string() && !form.choices.empty()) {
        const auto& choice = value.get_ref<const std::string&>();
        if (std::find(form.choices.begin(), form.choices.end(), choice) == form.choices.end())
            throw failed(where, " is ", shown(value), ", and should be one of ",
                         listed(form.choices));
    } else if (value.is_array()) {
        for (std::size_t i = 0; i < value.size(); ++i)
            check_form(value[i], form.each.front(), text(where, "[", i, "]"));
    } else if (value.is_object() && (form.kinds & table_kind)) {
        for (const auto& [name, each] : value.get_ref<const Json::object_t&>())
            check_form(each, form.each.front(), text(where, ".", name));
    } else if (value.is_object()) {
        check_fields(value, form, where);
    }
}

std::set<std::string> field_names(const Form& form) {
    std::set<std::string> names;
    for (const Field& field : form.fields) {
        names.insert(field.name);
        for (const std::string& inner : field_names(field.form))
            names.insert(field.name + "." + inner);
    }
    for (const Form& each : form.each) names.merge(field_names(each));
    return names;
}

std::string shown(const Json& value) {
    if (value.is_structured()) return value.is_array() ? "a list" : "an object";
    constexpr std::size_t most = 60;
    std::string all = value.dump();
    if (all.size() <= most) return all;
    std::size_t end = most;
    while (end > 0 && (static_cast<unsigned char>(all[end]) & 0xC0) == 0x80) --end;
    return all.substr(0, end) + "...";
}

}  // namespace framegauge
