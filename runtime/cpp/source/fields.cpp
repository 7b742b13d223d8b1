#include "fields.hpp"

#include <algorithm>

namespace framegauge {

std::string shown(const Json& value) {
    return value.is_structured() ? std::string("an ") + value.type_name() : value.dump();
}

const Json& field(const Json& facts, const char* name, const Json& otherwise) {
    const auto found = facts.find(name);
    return found == facts.end() ? otherwise : *found;
}

const Json& list(const Json& value, const char* name) {
    if (!value.is_array()) throw failed(name, " is ", shown(value), ", and should be an array");
    return value;
}

const Json::object_t& object(const Json& value, const char* name) {
    if (!value.is_object()) throw failed(name, " is ", shown(value), ", and should be an object");
    return value.get_ref<const Json::object_t&>();
}

std::string word(const Json& value, const char* name) {
    if (!value.is_string()) throw failed(name, " is ", shown(value), ", and should be a string");
    return value.get<std::string>();
}

std::string one_of(const Json& value, const char* name,
                   std::initializer_list<const char*> allowed) {
    auto text = word(value, name);
    if (std::find(allowed.begin(), allowed.end(), text) == allowed.end())
        throw failed(name, " is ", text, ", and should be one of ", listed(allowed));
    return text;
}

double number(const Json& value, const char* name) {
    if (!value.is_number()) throw failed(name, " is ", shown(value), ", and should be a number");
    return value.get<double>();
}

}  // namespace framegauge
