#include "soundness.hpp"

#include "clip_scores.hpp"
#include "failure.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

namespace framegauge {
namespace {

// Of a value or a range, what may never matter: a self-test that allows all of it proves nothing.
constexpr double most_relative = 0.1;
// Greatest code value that a peak may be, and greatest score in dB that a cap may be.
constexpr double most_peak = 65535;
constexpr double most_cap = 1000;
// Two float64 computations of a clip's score from the same moments, where libraries of functions
// differ in their last digits.
constexpr double clip_relative = 1e-12;

using Counts = std::map<std::string, std::size_t>;

std::string listed_counts(const Counts& counts) {
    return listed(counts, [](const auto& each) { return text(each.first, ": ", each.second); });
}

bool has(const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

void check_inputs_of(const Output& output, const std::vector<std::string>& roles) {
    std::vector<std::string> absent;
    for (const std::string& role : output.inputs)
        if (!has(roles, role)) absent.push_back(role);
    if (!absent.empty() || output.inputs.empty())
        throw failed(output.name, " looks at ", absent.empty() ? "nothing" : listed(absent),
                     ", and the model takes ", listed(roles));
    if (output.is_masked && !has(output.inputs, "mask"))
        throw failed(output.name, " is masked, and takes no mask");
}

void check_limits(const Output& output) {
    if (output.has_grid == output.is_number())
        throw failed(output.name, " is a ", output.kind,
                     ": maps have a grid, and numbers have none");
    if (output.higher_is_better && std::isinf(output.high))
        throw failed(output.name, " is better the higher it is, and has no greatest value");
    if (output.tolerance < 0 || output.relative < 0 || output.relative > most_relative)
        throw failed(output.name, " has the tolerance ", output.tolerance, " + ", output.relative,
                     " relative, and should have at least 0, and up to ", most_relative,
                     " relative");
    // Without a bound the range is infinite, and every tolerance fits.
    if (output.tolerance > most_relative * (output.high - output.low))
        throw failed(output.name, " goes from ", output.low, " to ", output.high,
                     ", too little for a tolerance of ", output.tolerance);
}

void check_parameter(const Aggregate& aggregate, const char* name,
                     const std::optional<double>& value, double most) {
    const bool has_one = aggregate.finish == "psnr";
    if (value.has_value() != has_one)
        throw failed("the ", name, " of ", aggregate.name, " is ",
                     value ? text(*value) : "null", ": psnr has one, others none");
    if (value && (*value <= 0 || *value > most))
        throw failed("the ", name, " of ", aggregate.name, " is ", *value,
                     ", and should be above 0 and at most ", most);
}

// [a-z][a-z0-9_]*(\.[a-z0-9_]+)*
bool is_label(const std::string& name) {
    const auto is_small = [](char letter) { return letter >= 'a' && letter <= 'z'; };
    bool is_begun = false;  // the part between dots
    for (const char letter : name) {
        const bool is_dot = letter == '.';
        const bool is_known =
            is_small(letter) || (letter >= '0' && letter <= '9') || letter == '_' || is_dot;
        if (!is_known || (is_dot && !is_begun)) return false;
        is_begun = !is_dot;
    }
    return is_begun && is_small(name.front());
}

// What gates read as words of their own.
bool is_reserved(const std::string& part) {
    static const std::set<std::string> words{"samples", "scenes", "baseline", "min", "max", "mean",
                                             "harmonic_mean", "median", "stdev"};
    const auto is_digit = [](char letter) { return letter >= '0' && letter <= '9'; };
    return words.count(part) != 0 ||
           (part.size() > 1 && part[0] == 'p' && std::all_of(part.begin() + 1, part.end(), is_digit));
}

void check_reserved(const std::string& label) {
    for (std::size_t begin = 0; begin <= label.size();) {
        const std::size_t end = std::min(label.find('.', begin), label.size());
        const std::string part = label.substr(begin, end - begin);
        if (is_reserved(part))
            throw failed('"', part, "\" cannot be a part of the label ", label,
                         ": gates read samples, scenes, baseline and the names of pools (mean, p5, "
                         "...) as words of their own");
        begin = end + 1;
    }
}

void check_counts(const Manifest& manifest) {
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
}

void check_facts(const char* name, const std::vector<float>& facts, Part part,
                 const Manifest& manifest) {
    const std::size_t wanted = manifest.takes(part) ? manifest.self_test.batch : 0;
    if (facts.size() != wanted * values_of(part))
        throw failed("the self-test has the ", name, " of ", facts.size() / values_of(part),
                     " frames, and should have that of ", wanted);
}

// A tolerance that would let all scores pass proves nothing, nor does an ideal that is not the best.
void check_scale(const Output& output, const SelfTest& test) {
    double low = std::numeric_limits<double>::infinity();
    double high = -low;
    for (const auto& run : test.scores)
        for (const double value : run.at(output.name)) {
            low = std::min(low, value);
            high = std::max(high, value);
        }
    const double largest = std::max(std::abs(low), std::abs(high));
    if (std::isinf(output.high) && output.tolerance > largest + 1e-3)
        throw failed(output.name, " allows ", output.tolerance, ", too much for scores up to ",
                     largest);
    // Where a score has no bound on its better side, that of equal frames is no best.
    const bool has_end = output.higher_is_better ? std::isfinite(output.high)
                                                 : output.low > std::numeric_limits<float>::lowest();
    if (std::isnan(output.ideal) || !has_end) return;
    const double best = output.higher_is_better ? high : low;
    const double gain = output.higher_is_better ? best - output.ideal : output.ideal - best;
    if (gain > output.allowed(output.ideal))
        throw failed(output.name, " is better the ", output.higher_is_better ? "higher" : "lower",
                     " it is, and ", best, " of the self-test is better than the ideal, ",
                     output.ideal);
}

void check_clip(const Aggregate& aggregate, double wanted, double got) {
    if (!(std::abs(got - wanted) <= clip_relative * std::max(1.0, std::abs(wanted))))
        throw failed(aggregate.name, " of the self-test should be ", wanted,
                     ", and its moments make ", got);
}

void check_clips(const Manifest& manifest) {
    const SelfTest& test = manifest.self_test;
    std::set<std::string> names;
    for (const Aggregate& each : manifest.aggregates) names.insert(each.name);
    const auto check_names = [&](const std::map<std::string, double>& clips, bool is_whole) {
        std::set<std::string> found;
        for (const auto& clip : clips) found.insert(clip.first);
        const bool is_sound =
            is_whole ? found == names
                     : std::includes(names.begin(), names.end(), found.begin(), found.end());
        if (!is_sound)
            throw failed("the self-test has clips' scores ", listed(found), ", and should have ",
                         listed(names));
    };
    for (std::size_t i = 0; i < test.clips.size(); ++i) {
        check_names(test.clips[i], true);
        for (const Aggregate& each : manifest.aggregates) {
            std::vector<double> sums;
            for (const std::size_t moment : each.of)
                sums.push_back(sum_of(test.scores[i].at(manifest.outputs[moment].name)));
            check_clip(each, test.clips[i].at(each.name), clip_score(each, sums, test.batch));
        }
    }
    check_names(test.still, false);
    for (const Aggregate& each : manifest.aggregates) {
        const double still = clip_score(each, std::vector<double>(each.of.size(), 0.0), 1);
        const auto said = test.still.find(each.name);
        if (std::isfinite(still) != (said != test.still.end()))
            throw failed("the self-test does not say what ", each.name, " is of moments of 0");
        if (std::isfinite(still)) check_clip(each, said->second, still);
    }
}

// By a peak or cap of another's, the clip of one frame would have another score than the frame, which
// the graph computes.
void check_peaks(const Manifest& manifest) {
    for (const Aggregate& aggregate : manifest.aggregates) {
        if (aggregate.finish != "psnr") continue;
        const std::string& moment = manifest.outputs[aggregate.of[0]].name;
        // The score of which this is the moment: psnr_y of psnr_y.mse.
        const std::string label = moment.substr(0, std::min(moment.rfind('.'), moment.size()));
        const auto score =
            std::find_if(manifest.outputs.begin(), manifest.outputs.end(), [&](const auto& each) {
                return each.kind == "score" && each.name == label;
            });
        if (label == moment || score == manifest.outputs.end()) continue;
        for (const auto& run : manifest.self_test.scores)
            for (std::size_t n = 0; n < manifest.self_test.batch; ++n) {
                const double wanted = run.at(label)[n];
                const double got = clip_score(aggregate, {run.at(moment)[n]}, 1);
                if (!(std::abs(got - wanted) <= score->allowed(wanted)))
                    throw failed(aggregate.name, " of a frame of the self-test would be ", got,
                                 ", and ", label, ", which the graph computes, is ", wanted,
                                 ": the peak of ", *aggregate.peak, " or the cap of ",
                                 *aggregate.cap, " is another's");
            }
        if (std::isfinite(score->high) && *aggregate.cap < score->high)
            throw failed("the cap of ", aggregate.name, " is ", *aggregate.cap, ", and ", label,
                         " goes up to ", score->high);
    }
}

}  // namespace

void check_once(const char* kind, const std::vector<std::string>& names) {
    if (names.empty() || std::set<std::string>(names.begin(), names.end()).size() != names.size())
        throw failed("the ", kind, " are ", listed(names), ": each should be there once");
}

void check_outputs(const std::vector<Output>& outputs, const std::vector<std::string>& roles) {
    std::vector<std::string> names;
    for (const Output& output : outputs) names.push_back(output.name);
    check_once("outputs", names);
    for (const Output& output : outputs) {
        check_inputs_of(output, roles);
        check_limits(output);
    }
}

void check_aggregate(const Aggregate& aggregate) {
    const std::size_t wanted = aggregate.finish == "ratio" ? 2 : 1;
    if (aggregate.of.size() != wanted)
        throw failed(aggregate.name, " is of ", aggregate.of.size(), " moments, and should be of ",
                     wanted);
    check_parameter(aggregate, "peak", aggregate.peak, most_peak);
    check_parameter(aggregate, "cap", aggregate.cap, most_cap);
}

void check_moments(const Manifest& manifest) {
    for (std::size_t i = 0; i < manifest.outputs.size(); ++i) {
        const auto is_of = [&](const Aggregate& each) {
            return std::find(each.of.begin(), each.of.end(), i) != each.of.end();
        };
        if (manifest.outputs[i].kind == "moment" &&
            std::none_of(manifest.aggregates.begin(), manifest.aggregates.end(), is_of))
            throw failed(manifest.outputs[i].name,
                         " is a moment, and no clip's score is made of it");
    }
}

void check_labels(const std::vector<std::string>& names) {
    check_once("names of outputs, aggregates and what is missing", names);
    for (const std::string& name : names)
        if (!is_label(name))
            throw failed('"', name, "\" is no label: those are small letters, digits and "
                         "underscores, from a letter on, with dots between a label and a term");
    for (const std::string& name : names) check_reserved(name);
}

std::int32_t check_bound(const std::string& value, const Property& property, Part part,
                         const Manifest& manifest) {
    const Format& format = *manifest.format;
    const bool is_had = part == Part::siting ? format.is_subsampled() : !format.is_rgb();
    if (!is_had)
        throw failed(property.name, " is ", value, ", and frames of ", format.name, " have none");
    const auto& known = property.values;
    const auto found = std::find(known.begin(), known.end(), value);
    if (found == known.end())
        throw failed(property.name, " is ", value, ", and should be one of ", listed(known));
    if (manifest.takes(part))
        throw failed(property.name, " is bound to ", value, ", and there is an input of ",
                     part == Part::siting ? "siting" : "colour", " too");
    return static_cast<std::int32_t>(found - known.begin()) + 1;
}

void check_self_test(const Manifest& manifest) {
    const SelfTest& test = manifest.self_test;
    check_counts(manifest);
    check_facts("colour", test.colour, Part::colour, manifest);
    check_facts("siting", test.siting, Part::siting, manifest);
    for (const Output& output : manifest.outputs) check_scale(output, test);
    check_clips(manifest);
    check_peaks(manifest);
}

}  // namespace framegauge
