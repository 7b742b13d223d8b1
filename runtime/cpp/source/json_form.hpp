// JSON that is checked whole against the form that it should have, before any of it is read.
//
// nlohmann turns numbers into each other in silence (1e300 to an int, true to 1), takes the last of
// two values of one key, and goes through an object or a single value as if they were lists. Nor
// may a value be copied or dumped unchecked: both call themselves for what lies inside, and a
// damaged file may nest deeper than the stack is.

#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

namespace framegauge {

using Json = nlohmann::json;

// What a value may be; together where any of them will do.
enum Kind : unsigned {
    null_kind = 1,
    text_kind = 2,
    whole_kind = 4,
    number_kind = 8,
    flag_kind = 16,
    list_kind = 32,
    object_kind = 64,  // with the fields of its form
    table_kind = 128   // with any keys
};

struct Field;

struct Form {
    unsigned kinds = 0;
    std::vector<std::string> choices{};  // of a text; any if there are none
    std::size_t length = 0;              // of a list; any if 0
    std::vector<Form> each{};            // one, of all items of a list or values of a table
    std::vector<Field> fields{};         // of an object; it may have others beside
};

struct Field {
    std::string name;
    Form form;
    bool is_optional = false;
};

// Greatest whole number: up to here every host reads the same one.
inline constexpr std::int64_t most_whole = std::int64_t{1} << 53;
// Greatest magnitude of any other number, that of float.
inline constexpr double most_real = 3.4028234663852886e38;

// The value that a JSON text stands for. Throws if it is none, an object has a key twice, or a
// number is not finite.
Json parsed(const std::string& text);

// Throws a failure that says what `where` is, "" for the whole, and what it should be.
void check_form(const Json& value, const Form& form, const std::string& where);

// Of all fields, those of an object in a field with a dot: outputs.better.
std::set<std::string> field_names(const Form& form);

// As it stands in the text, shortened, for messages; of a list or an object only which of them.
std::string shown(const Json& value);

}  // namespace framegauge
