// Values of a manifest's fields, each of the type that it should have. nlohmann turns numbers into
// each other in silence (1e300 to an int, true to 1), and goes through an object or a single value
// as if they were lists. Nor is a value copied or dumped whole: both call themselves for what lies
// inside, and a damaged file may nest deeper than the stack is.

#pragma once

#include "failure.hpp"

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>

namespace framegauge {

using Json = nlohmann::json;

// As it stands in the text, for messages; of a list or an object only which of them it is.
std::string shown(const Json& value);

// The field of an object, or what stands for it where there is none.
const Json& field(const Json& facts, const char* name, const Json& otherwise);

// Each throws a failure that says what `name` is, and what it should be.
const Json& list(const Json& value, const char* name);
const Json::object_t& object(const Json& value, const char* name);
std::string word(const Json& value, const char* name);
std::string one_of(const Json& value, const char* name,
                   std::initializer_list<const char*> allowed);
double number(const Json& value, const char* name);

template <class Integer>
Integer whole(const Json& value, const char* name, Integer low, Integer high = INT32_MAX) {
    const bool is_small = value.is_number_integer() && value.get<std::uint64_t>() <= INT32_MAX;
    const auto found = is_small ? value.get<Integer>() : Integer{};
    if (!is_small || found < low || found > high)
        throw failed(name, " is ", shown(value), ", and should be a whole number from ", low,
                     " to ", high);
    return found;
}

}  // namespace framegauge
