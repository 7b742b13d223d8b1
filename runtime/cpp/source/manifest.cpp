#include "manifest.hpp"

#include "fields.hpp"
#include "soundness.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace framegauge {
namespace {

// Test frames larger than this are no self-test of ours; a damaged file must not ask for gigabytes.
constexpr std::uint32_t most_test_side = 2048;
constexpr std::size_t most_test_batch = 8;

// An axis as JSON has it: a length stands without quotes.
std::string axis(const std::string& dim) {
    const bool is_length = dim.find_first_not_of("0123456789") == std::string::npos;
    return is_length ? dim : '"' + dim + '"';
}

Input read_input(const Json& facts, const Format& format) {
    Input input{};
    input.name = word(facts.at("name"), "name");
    input.role = word(facts.at("role"), "role");
    const auto part = word(facts.at("part"), "part");
    const auto dtype = word(facts.at("dtype"), "dtype");
    std::vector<std::string> dims;
    for (const Json& dim : list(facts.at("dims"), "dims")) dims.push_back(shown(dim));

    input.is_colour = part == "colour";
    std::vector<std::string> wanted{axis("N")};
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
    for (const std::string& dim : input.layout.dims) wanted.push_back(axis(dim));
    const bool is_float = input.is_colour || input.layout.bytes == sizeof(float);
    const auto* type = is_float ? "float32" : "uint8";
    if (dims != wanted || dtype != type)
        throw failed(input.name, " is ", dtype, " (", listed(dims), "), and should be ", type, " (",
                     listed(wanted), ")");
    return input;
}

Output read_output(const Json& facts) {
    Output output{};
    output.name = word(facts.at("name"), "name");
    output.kind = one_of(facts.at("kind"), "kind", {"score", "moment", "map"});
    output.entry = word(facts.at("entry"), "entry");
    output.unit = word(facts.at("unit"), "unit");
    output.higher_is_better = one_of(facts.at("better"), "better", {"higher", "lower"}) == "higher";
    const Json& ideal = facts.at("ideal");
    output.ideal =
        ideal.is_null() ? std::numeric_limits<double>::quiet_NaN() : number(ideal, "ideal");
    output.low = number(facts.at("low"), "low");
    const Json& high = facts.at("high");
    output.high = high.is_null() ? std::numeric_limits<double>::infinity() : number(high, "high");
    output.tolerance = number(facts.at("tolerance"), "tolerance");
    output.relative = number(facts.at("relative"), "relative");
    output.least = whole<std::uint32_t>(facts.at("least"), "least", 1);
    return output;
}

Aggregate read_aggregate(const Json& facts, const std::vector<Output>& outputs) {
    const auto name = word(facts.at("name"), "name");
    const auto moment = word(facts.at("moment"), "moment");
    std::vector<std::string> moments;
    for (const Output& each : outputs)
        if (each.kind == "moment") moments.push_back(each.name);
    if (std::find(moments.begin(), moments.end(), moment) == moments.end())
        throw failed("moment is ", moment, ", and should be one of ", listed(moments));
    const auto found = std::find_if(outputs.begin(), outputs.end(),
                                    [&](const Output& each) { return each.name == moment; });
    const double peak = number(facts.at("peak"), "peak");
    if (peak <= 0) throw failed("the peak of ", name, " is ", peak, ", and should be above 0");
    return {name, static_cast<std::size_t>(found - outputs.begin()), peak,
            number(facts.at("cap"), "cap")};
}

Colour read_colour(const Json& rows) {
    Colour colour{};
    if (list(rows, "colour").size() != 3)
        throw failed("colour has ", rows.size(), " rows, and should have 3");
    auto next = colour.begin();
    for (const Json& row : rows) {
        if (list(row, "a row of colour").size() != 4)
            throw failed("a row of colour has ", row.size(), " values, and should have 4");
        for (const Json& value : row) *next++ = static_cast<float>(number(value, "colour"));
    }
    return colour;
}

Size read_size(const Json& size) {
    if (list(size, "a self-test's size").size() != 2)
        throw failed("a self-test's size has ", size.size(), " sides, and should have 2");
    const auto side = [&](std::size_t index) {
        return whole<std::uint32_t>(size[index], "a self-test's side", 1, most_test_side);
    };
    return {side(1), side(0)};
}

std::map<std::string, std::vector<double>> read_run(const Json& facts) {
    std::map<std::string, std::vector<double>> run;
    for (const auto& [name, values] : object(facts, "a self-test's run")) {
        std::vector<double>& read = run[name];
        for (const Json& value : list(values, name.c_str()))
            read.push_back(number(value, name.c_str()));
    }
    return run;
}

SelfTest read_self_test(const Json& facts, const std::string& file) {
    const int pattern = whole<int>(facts.at("pattern"), "pattern", 0);
    if (pattern != pattern_version)
        throw usage(file, " has test frames of version ", pattern, ", and this release knows ",
                    pattern_version, ". Update framegauge, or export the model again.");
    SelfTest test{};
    const Json& sizes = list(facts.at("sizes"), "sizes");
    const Json& runs = list(facts.at("scores"), "scores");
    if (sizes.empty() || sizes.size() != runs.size())
        throw failed("a self-test has scores for each of its sizes, this has ", runs.size(),
                     " for ", sizes.size());
    for (const Json& size : sizes) test.sizes.push_back(read_size(size));
    test.batch =
        whole<std::size_t>(facts.at("batch"), "a self-test's batch", 1, most_test_batch);
    if (!facts.at("colour").is_null()) test.colour = read_colour(facts.at("colour"));
    for (const Json& run : runs) test.scores.push_back(read_run(run));
    return test;
}

int read_quantise(const Json& bits) {
    if (bits.is_null()) return 0;
    if (!bits.is_number_integer() || bits != 8)
        throw failed("quantise is ", shown(bits), ", and should be 8 or null");
    return 8;
}

void read_inputs(Manifest& manifest, const Json& inputs) {
    std::vector<std::string> names;
    for (const Json& each : list(inputs, "inputs")) {
        const Input input = read_input(each, *manifest.format);
        if (std::find(manifest.roles.begin(), manifest.roles.end(), input.role) ==
            manifest.roles.end())
            manifest.roles.push_back(input.role);
        names.push_back(input.name);
        manifest.inputs.push_back(input);
    }
    check_names("inputs", names);
}

void read_outputs(Manifest& manifest, const Json& outputs, const std::string& file) {
    std::vector<Output> all;
    for (const Json& each : list(outputs, "outputs")) all.push_back(read_output(each));
    if (std::none_of(all.begin(), all.end(),
                     [](const Output& each) { return each.kind == "score"; }))
        throw usage(file, " names no scores. Export it again.");
    check_outputs(all);
    for (const Output& output : all) {
        manifest.all_outputs.push_back(output.name);
        if (output.is_number()) manifest.outputs.push_back(output);
    }
}

Manifest read(const Json& facts, const std::string& file) {
    Manifest manifest{};
    const auto format = word(facts.at("format"), "format");
    manifest.format = find_format(format);
    if (manifest.format == nullptr)
        throw usage("A model's format is one of ",
                    listed(formats(), [](const Format& each) { return std::string(each.name); }),
                    "; ", file, " says ", format, ". Export it again with this release.");
    manifest.precision = word(field(facts, "precision", "fp32"), "precision");
    if (manifest.precision != "fp32" && manifest.precision != "fp16")
        throw usage("A model's precision is fp32 or fp16; ", file, " says ", manifest.precision,
                    ". Export it again with this release.");
    read_inputs(manifest, facts.at("inputs"));
    read_outputs(manifest, facts.at("outputs"), file);
    for (const Json& each : list(facts.at("aggregates"), "aggregates"))
        manifest.aggregates.push_back(read_aggregate(each, manifest.outputs));
    const Json none;
    const Json& chroma = field(facts, "chroma", none);
    if (!chroma.is_null()) manifest.chroma = word(chroma, "chroma");
    manifest.quantise = read_quantise(field(facts, "quantise", none));
    manifest.crop_border = whole<int>(field(facts, "crop_border", 0), "crop_border", 0);
    manifest.self_test = read_self_test(facts.at("self_test"), file);
    check_self_test(manifest);
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
        schema = whole<int>(facts.at("schema"), "schema", 1);
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
