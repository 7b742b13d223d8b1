#include "manifest.hpp"

#include "failure.hpp"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <nlohmann/json.hpp>

namespace framegauge {
namespace {

using Json = nlohmann::json;

// Test frames larger than this are no self-test of ours; a damaged file must not ask for gigabytes.
constexpr std::uint32_t most_test_side = 2048;
constexpr std::size_t most_test_batch = 8;

std::string word(const Json& dim) {
    return dim.is_number_integer() ? std::to_string(dim.get<std::int64_t>())
                                   : dim.get<std::string>();
}

// nlohmann turns numbers into each other in silence: 1e300 to an int, true to 1.
template <class Integer>
Integer whole(const Json& value, std::int64_t low = 0) {
    if (!value.is_number_integer()) throw failed("a whole number is ", value.dump());
    const auto number = value.is_number_unsigned() && value.get<std::uint64_t>() > INT32_MAX
                            ? std::int64_t{-1}
                            : value.get<std::int64_t>();
    if (number < low || number > INT32_MAX)
        throw failed("a whole number is ", value.dump());
    return static_cast<Integer>(number);
}

double number(const Json& value) {
    if (!value.is_number()) throw failed("a number is ", value.dump());
    return value.get<double>();
}

std::string one_of(const Json& value, std::initializer_list<const char*> allowed) {
    auto text = value.get<std::string>();
    if (std::find(allowed.begin(), allowed.end(), text) == allowed.end())
        throw failed("where it should be one of ", listed(allowed), " there is ", text);
    return text;
}

Input read_input(const Json& facts, const Format& format) {
    Input input{};
    input.name = facts.at("name").get<std::string>();
    input.role = facts.at("role").get<std::string>();
    const auto part = facts.at("part").get<std::string>();
    const auto dtype = facts.at("dtype").get<std::string>();
    std::vector<std::string> dims;
    for (const Json& dim : facts.at("dims")) dims.push_back(word(dim));

    input.is_colour = part == "colour";
    std::vector<std::string> wanted{"N"};
    if (input.is_colour) {
        wanted = {"3", "4"};
    } else if (is_frame(input.role)) {
        for (const Layout& each : format.inputs) {
            if (each.part == part) input.layout = each;
            if (input.layout.dims.empty()) input.first_plane += each.stacked;
        }
        if (input.layout.dims.empty())
            throw failed(input.name, " is a plane that ", format.name, " has not: ", part);
    } else {
        input.layout = tensor_layout(input.role);
    }
    wanted.insert(wanted.end(), input.layout.dims.begin(), input.layout.dims.end());
    if (dims != wanted)
        throw failed(input.name, " has the dims ", listed(dims), ", not ", listed(wanted));
    const bool is_float = input.is_colour || input.layout.bytes == sizeof(float);
    if (dtype != (is_float ? "float32" : "uint8"))
        throw failed(input.name, " is of the type ", dtype);
    return input;
}

Output read_output(const Json& facts) {
    Output output{};
    output.name = facts.at("name").get<std::string>();
    output.kind = one_of(facts.at("kind"), {"score", "moment", "map"});
    output.entry = facts.at("entry").get<std::string>();
    output.unit = facts.at("unit").get<std::string>();
    output.higher_is_better = one_of(facts.at("better"), {"higher", "lower"}) == "higher";
    const Json& ideal = facts.at("ideal");
    output.ideal = ideal.is_null() ? std::numeric_limits<double>::quiet_NaN() : number(ideal);
    output.low = number(facts.at("low"));
    const Json& high = facts.at("high");
    output.high = high.is_null() ? std::numeric_limits<double>::infinity() : number(high);
    output.tolerance = number(facts.at("tolerance"));
    output.relative = number(facts.at("relative"));
    output.least = whole<std::uint32_t>(facts.at("least"));
    return output;
}

Aggregate read_aggregate(const Json& facts, const std::vector<Output>& outputs) {
    const auto moment = facts.at("moment").get<std::string>();
    const auto found = std::find_if(outputs.begin(), outputs.end(),
                                    [&](const Output& each) { return each.name == moment; });
    if (found == outputs.end() || found->kind != "moment")
        throw failed("an aggregate is made of ", moment);
    const double peak = number(facts.at("peak"));
    if (peak <= 0) throw failed("an aggregate's peak is ", peak);
    return {facts.at("name").get<std::string>(),
            static_cast<std::size_t>(found - outputs.begin()), peak, number(facts.at("cap"))};
}

Colour read_colour(const Json& rows) {
    Colour colour{};
    if (rows.size() != 3) throw failed("the test's colour has ", rows.size(), " rows");
    auto next = colour.begin();
    for (const Json& row : rows) {
        if (row.size() != 4) throw failed("a row of the test's colour has ", row.size(), " values");
        for (const Json& value : row) *next++ = static_cast<float>(number(value));
    }
    return colour;
}

SelfTest read_self_test(const Json& facts, const std::string& file,
                        const std::vector<Output>& outputs) {
    const int pattern = whole<int>(facts.at("pattern"));
    if (pattern != pattern_version)
        throw usage(file, " has test frames of version ", pattern, ", and this release knows ",
                    pattern_version, ". Update framegauge, or export the model again.");
    SelfTest test{};
    test.batch = whole<std::size_t>(facts.at("batch"), 1);
    if (test.batch > most_test_batch) throw failed("the test's batch is ", test.batch);
    for (const Json& size : facts.at("sizes")) {
        const Size each{whole<std::uint32_t>(size.at(1), 1), whole<std::uint32_t>(size.at(0), 1)};
        if (std::max(each.width, each.height) > most_test_side)
            throw failed("a test is of ", each.width, "x", each.height);
        test.sizes.push_back(each);
    }
    if (!facts.at("colour").is_null()) test.colour = read_colour(facts.at("colour"));
    for (const Json& run : facts.at("scores")) {
        std::map<std::string, std::vector<double>> scores;
        for (const Output& output : outputs) {
            std::vector<double> values;
            for (const Json& value : run.at(output.name)) values.push_back(number(value));
            if (values.size() != test.batch)
                throw failed("the test has ", values.size(), " values of ", output.name);
            scores[output.name] = values;
        }
        test.scores.push_back(scores);
    }
    if (test.scores.empty() || test.scores.size() != test.sizes.size())
        throw failed("the test has ", test.sizes.size(), " sizes and ", test.scores.size(), " runs");
    return test;
}

// Null and absent are both "none".
int optional_whole(const Json& facts, const char* name) {
    const auto found = facts.find(name);
    return found == facts.end() || found->is_null() ? 0 : whole<int>(*found);
}

Manifest read(const Json& facts, const std::string& file) {
    Manifest manifest{};
    const auto format = facts.at("format").get<std::string>();
    manifest.format = find_format(format);
    if (manifest.format == nullptr)
        throw usage("A model's format is one of ",
                    listed(formats(), [](const Format& each) { return std::string(each.name); }),
                    "; ", file, " says ", format, ". Export it again with this release.");
    manifest.precision = facts.at("precision").get<std::string>();
    if (manifest.precision != "fp32" && manifest.precision != "fp16")
        throw usage("A model's precision is fp32 or fp16; ", file, " says ", manifest.precision,
                    ". Export it again with this release.");
    if (facts.contains("chroma") && !facts.at("chroma").is_null())
        manifest.chroma = facts.at("chroma").get<std::string>();
    manifest.quantise = optional_whole(facts, "quantise");
    manifest.crop_border = optional_whole(facts, "crop_border");
    for (const Json& each : facts.at("inputs")) {
        manifest.inputs.push_back(read_input(each, *manifest.format));
        const std::string& role = manifest.inputs.back().role;
        if (std::find(manifest.roles.begin(), manifest.roles.end(), role) == manifest.roles.end())
            manifest.roles.push_back(role);
    }
    if (manifest.inputs.empty()) throw failed("it names no inputs");
    for (const Json& each : facts.at("outputs")) {
        const Output output = read_output(each);
        manifest.all_outputs.push_back(output.name);
        if (output.is_number()) manifest.outputs.push_back(output);
    }
    if (std::none_of(manifest.outputs.begin(), manifest.outputs.end(),
                     [](const Output& each) { return each.kind == "score"; }))
        throw usage(file, " names no scores. Export it again.");
    for (const Json& each : facts.at("aggregates"))
        manifest.aggregates.push_back(read_aggregate(each, manifest.outputs));
    manifest.self_test = read_self_test(facts.at("self_test"), file, manifest.outputs);
    if (manifest.needs_colour() && !manifest.self_test.colour)
        throw failed("the test has no colour");
    return manifest;
}

}  // namespace

double Output::allowed(double wanted) const { return tolerance + relative * std::abs(wanted); }

std::uint32_t Manifest::least() const {
    std::uint32_t most = 1;
    for (const Output& output : outputs) most = std::max(most, output.least);
    return most;
}

bool Manifest::needs_colour() const {
    return std::any_of(inputs.begin(), inputs.end(),
                       [](const Input& each) { return each.is_colour; });
}

Manifest read_manifest(const std::string& text, const std::string& file) {
    Json facts;
    int schema = 0;
    try {
        facts = Json::parse(text);
        schema = whole<int>(facts.at("schema"), 1);
    } catch (const std::exception& error) {
        throw usage("The manifest of ", file, " cannot be read (", error.what(),
                    "). Export the model again.");
    }
    if (schema > manifest_schema)
        throw usage(file, " has a manifest of schema ", schema, ", and this release reads up to ",
                    manifest_schema, ". Update framegauge, or export the model again with this "
                    "release.");
    try {
        return read(facts, file);
    } catch (const Failure& failure) {
        if (failure.status == FRAMEGAUGE_USAGE) throw;
        throw usage("The manifest of ", file, " is damaged: ", failure.what(),
                    ". Export the model again.");
    } catch (const Json::exception& error) {
        throw usage("The manifest of ", file, " lacks something or has it in another form (",
                    error.what(), "). Export the model again.");
    }
}

}  // namespace framegauge
