#include "soundness.hpp"

#include "failure.hpp"

#include <set>

namespace framegauge {
namespace {

// Of a value or a range, what may never matter: a self-test that allows all of it proves nothing.
constexpr double most_relative = 0.1;

using Counts = std::map<std::string, std::size_t>;

std::string listed_counts(const Counts& counts) {
    return listed(counts, [](const auto& each) { return text(each.first, ": ", each.second); });
}

void check_limits(const Output& output) {
    if (output.tolerance < 0 || output.relative < 0 || output.relative > most_relative)
        throw failed(output.name, " has the tolerance ", output.tolerance, " + ", output.relative,
                     " relative, and should have at least 0, and up to ", most_relative,
                     " relative");
    // Without a bound the range is infinite, and every tolerance fits.
    if (output.tolerance > most_relative * (output.high - output.low))
        throw failed(output.name, " goes from ", output.low, " to ", output.high,
                     ", too little for a tolerance of ", output.tolerance);
}

}  // namespace

void check_names(const char* kind, const std::vector<std::string>& names) {
    if (names.empty() || std::set<std::string>(names.begin(), names.end()).size() != names.size())
        throw failed("the ", kind, " are ", listed(names), ": each should be there once");
}

void check_outputs(const std::vector<Output>& outputs) {
    std::vector<std::string> names;
    for (const Output& output : outputs) names.push_back(output.name);
    check_names("outputs", names);
    for (const Output& output : outputs) check_limits(output);
}

void check_self_test(const Manifest& manifest) {
    const SelfTest& test = manifest.self_test;
    Counts wanted;
    for (const Output& output : manifest.outputs) wanted[output.name] = test.batch;
    for (const auto& run : test.scores) {
        Counts found;
        for (const auto& [name, values] : run) found[name] = values.size();
        if (found != wanted)
            throw failed("the self-test has values of ", listed_counts(found),
                         ", and should have ", listed_counts(wanted));
    }
    if (test.colour.has_value() != manifest.needs_colour())
        throw failed("the self-test has ", test.colour ? "" : "no ", "colours, and should have ",
                     manifest.needs_colour() ? "some" : "none");
}

}  // namespace framegauge
