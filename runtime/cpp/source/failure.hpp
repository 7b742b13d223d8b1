// What goes wrong inside the library, on its way to a status and a text at the C border.

#pragma once

#include <framegauge.h>

#include <locale>
#include <sstream>
#include <stdexcept>
#include <string>

namespace framegauge {

struct Failure : std::runtime_error {
    Failure(framegauge_status status_, const std::string& text)
        : std::runtime_error(text), status(status_) {}
    framegauge_status status;
};

// The parts, one after the other.
template <class... Parts>
std::string text(const Parts&... parts) {
    std::ostringstream out;
    out.imbue(std::locale::classic());
    out.precision(9);
    (out << ... << parts);
    return out.str();
}

template <class... Parts>
[[nodiscard]] Failure usage(const Parts&... parts) {
    return {FRAMEGAUGE_USAGE, text(parts...)};
}

template <class... Parts>
[[nodiscard]] Failure failed(const Parts&... parts) {
    return {FRAMEGAUGE_FAILED, text(parts...)};
}

// "a, b, c", of anything with a begin and an end.
template <class Range, class Name>
std::string listed(const Range& range, Name name) {
    std::string all;
    for (const auto& each : range) {
        if (!all.empty()) all += ", ";
        all += name(each);
    }
    return all.empty() ? "none" : all;
}

template <class Range>
std::string listed(const Range& range) {
    return listed(range, [](const auto& each) { return std::string(each); });
}

}  // namespace framegauge
