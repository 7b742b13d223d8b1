#include "manifest.hpp"

#include "colour.hpp"
#include "failure.hpp"
#include "manifest_form.hpp"
#include "soundness.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace framegauge {
namespace {

// Test frames larger than this are no self-test of ours; a damaged file must not ask for gigabytes.
constexpr std::int64_t most_test_side = 2048;
constexpr std::int64_t most_test_batch = 8;
constexpr std::int64_t most_side = 65536;

// ---- values of fields, whose form was checked before ----------------------------------------

// Null where there is none.
const Json& field(const Json& facts, const char* name) {
    static const Json none;
    const auto found = facts.find(name);
    return found == facts.end() ? none : *found;
}

const std::string& word(const Json& facts, const char* name) {
    return facts.at(name).get_ref<const std::string&>();
}

double number(const Json& facts, const char* name, double otherwise) {
    const Json& value = field(facts, name);
    return value.is_null() ? otherwise : value.get<double>();
}

std::optional<double> number_or_none(const Json& facts, const char* name) {
    const Json& value = field(facts, name);
    return value.is_null() ? std::nullopt : std::optional(value.get<double>());
}

std::int64_t whole(const Json& value, const std::string& name, std::int64_t low,
                   std::int64_t high) {
    const auto found = value.get<std::int64_t>();
    if (found < low || found > high)
        throw failed(name, " is ", found, ", and should be from ", low, " to ", high);
    return found;
}

template <class Value>
std::map<std::string, Value> table(const Json& facts) {
    std::map<std::string, Value> values;
    for (const auto& [name, value] : facts.get_ref<const Json::object_t&>())
        values[name] = value.template get<Value>();
    return values;
}

// ---- parts of a manifest --------------------------------------------------------------------

// An axis as JSON has it: a length stands without quotes.
std::string axis(const std::string& dim) {
    const bool is_length = dim.find_first_not_of("0123456789") == std::string::npos;
    return is_length ? dim : '"' + dim + '"';
}

Input read_input(const Json& facts, const Format& format) {
    Input input{};
    input.name = word(facts, "name");
    input.role = word(facts, "role");
    const std::string& part = word(facts, "part");
    const std::string& dtype = word(facts, "dtype");
    std::vector<std::string> dims;
    for (const Json& dim : facts.at("dims")) dims.push_back(shown(dim));

    const std::string called = part.empty() ? input.role : input.role + "_" + part;
    if (input.name != called)
        throw failed(input.name, " is ", called, " by its role and part, and should be called so");

    std::vector<std::string> after_batch;
    if (!is_frame(input.role)) {
        input.layout = tensor_layout(input.role);
        if (!part.empty())
            throw failed(input.name, " is the part ", part, " of ", input.role, ", which has none");
    } else if (part == "colour") {
        input.part = Part::colour;
        after_batch = {"3", "4"};
    } else if (part == "siting") {
        input.part = Part::siting;
        after_batch = {"2"};
    } else {
        for (const Layout& each : format.inputs) {
            if (each.part == part) input.layout = each;
            if (input.layout.dims.empty()) input.first_plane += each.stacked;
        }
        if (input.layout.dims.empty())
            throw failed(input.name, " is a plane that ", format.name, " has not: ", part);
    }
    if (input.part == Part::samples) after_batch = input.layout.dims;
    std::vector<std::string> wanted{axis("N")};
    for (const std::string& dim : after_batch) wanted.push_back(axis(dim));
    const bool is_float = input.part != Part::samples || input.layout.bytes == sizeof(float);
    const auto* type = is_float ? "float32" : "uint8";
    if (dims != wanted || dtype != type)
        throw failed(input.name, " is ", dtype, " (", listed(dims), "), and should be ", type, " (",
                     listed(wanted), ")");
    return input;
}

Output read_output(const Json& facts) {
    Output output{};
    output.name = word(facts, "name");
    output.kind = word(facts, "kind");
    output.entry = word(facts, "entry");
    output.unit = word(facts, "unit");
    output.inputs = facts.at("inputs").get<std::vector<std::string>>();
    output.is_masked = facts.at("masked").get<bool>();
    output.transfer = word(facts, "transfer");
    output.ends = word(facts, "ends");
    output.higher_is_better = word(facts, "better") == "higher";
    output.ideal = number(facts, "ideal", std::numeric_limits<double>::quiet_NaN());
    output.low = number(facts, "low", 0);
    output.high = number(facts, "high", std::numeric_limits<double>::infinity());
    output.tolerance = number(facts, "tolerance", 0);
    output.relative = number(facts, "relative", 0);
    output.least = static_cast<std::uint32_t>(
        whole(facts.at("least"), "least of " + output.name, 1, most_side));
    output.has_grid = !field(facts, "grid").is_null();
    return output;
}

Aggregate read_aggregate(const Json& facts, const std::vector<Output>& outputs) {
    Aggregate aggregate{word(facts, "name"), {}, word(facts, "finish"),
                        number_or_none(facts, "peak"), number_or_none(facts, "cap")};
    std::vector<std::string> moments;
    for (const Output& each : outputs)
        if (each.kind == "moment") moments.push_back(each.name);
    for (const Json& of : facts.at("of")) {
        const auto& name = of.get_ref<const std::string&>();
        if (std::find(moments.begin(), moments.end(), name) == moments.end())
            throw failed(aggregate.name, " is of ", shown(of), ", and its moments are ",
                         listed(moments));
        const auto found = std::find_if(outputs.begin(), outputs.end(),
                                        [&](const Output& each) { return each.name == name; });
        aggregate.of.push_back(static_cast<std::size_t>(found - outputs.begin()));
    }
    return aggregate;
}

void add_row(const Json& row, std::size_t length, const char* name, std::vector<float>& to) {
    if (row.size() != length)
        throw failed("a row of the self-test's ", name, " has ", row.size(),
                     " values, and should have ", length);
    for (const Json& value : row) to.push_back(static_cast<float>(value.get<double>()));
}

SelfTest read_self_test(const Json& facts, const std::string& file) {
    if (facts.at("pattern") != pattern_version)
        throw usage(file, " has test frames of version ", shown(facts.at("pattern")),
                    ", and this release knows ", pattern_version,
                    ". Update framegauge, or export the model again.");
    SelfTest test{};
    const Json& sizes = facts.at("sizes");
    const Json& runs = facts.at("scores");
    const Json& clips = facts.at("clips");
    if (sizes.empty() || sizes.size() != runs.size() || sizes.size() != clips.size())
        throw failed("a self-test has scores of frames and clips for each of its sizes, this has ",
                     runs.size(), " and ", clips.size(), " for ", sizes.size());
    for (const Json& size : sizes) {
        const auto side = [&](std::size_t index) {
            return static_cast<std::uint32_t>(
                whole(size[index], "a side of the self-test", 1, most_test_side));
        };
        test.sizes.push_back({side(1), side(0)});
    }
    test.batch = static_cast<std::size_t>(
        whole(facts.at("batch"), "batch of the self-test", 1, most_test_batch));
    for (const Json& frame : field(facts, "colour")) {
        if (frame.size() != 3)
            throw failed("the self-test's colour has ", frame.size(), " rows, and should have 3");
        for (const Json& row : frame) add_row(row, 4, "colour", test.colour);
    }
    for (const Json& frame : field(facts, "siting")) add_row(frame, 2, "siting", test.siting);
    for (const Json& run : runs) test.scores.push_back(table<std::vector<double>>(run));
    for (const Json& run : clips) test.clips.push_back(table<double>(run));
    if (const Json& still = field(facts, "still"); !still.is_null())
        test.still = table<double>(still);
    test.share = number(facts, "share", 1);
    if (!(test.share > 0 && test.share <= 1))
        throw failed("a self-test's share of the tolerance is above 0 and at most 1, this is ",
                     test.share);
    return test;
}

int read_quantise(const Json& bits) {
    if (bits.is_null()) return 0;
    if (bits != 8) throw failed("quantise is ", shown(bits), ", and should be 8 or null");
    return 8;
}

void read_inputs(Manifest& manifest, const Json& inputs) {
    std::vector<std::string> names;
    for (const Json& each : inputs) {
        const Input input = read_input(each, *manifest.format);
        if (std::find(manifest.roles.begin(), manifest.roles.end(), input.role) ==
            manifest.roles.end())
            manifest.roles.push_back(input.role);
        names.push_back(input.name);
        manifest.inputs.push_back(input);
    }
    check_once("inputs", names);
}

void read_outputs(Manifest& manifest, const Json& outputs) {
    std::vector<Output> all;
    for (const Json& each : outputs) all.push_back(read_output(each));
    check_outputs(all, manifest.roles);
    manifest.least = 1;
    for (const Output& output : all) {
        manifest.all_outputs.push_back(output.name);
        manifest.least = std::max(manifest.least, output.least);
        if (output.is_number()) manifest.outputs.push_back(output);
    }
}

void read_names(const Manifest& manifest, const Json& missing) {
    std::vector<std::string> names = manifest.all_outputs;
    for (const Aggregate& each : manifest.aggregates) names.push_back(each.name);
    for (const Json& each : missing) names.push_back(word(each, "name"));
    check_labels(names);
}

void read_bound_colour(Manifest& manifest, const Json& facts) {
    const auto bound = [&](const Property& property, Part part) {
        const Json& name = field(facts, property.name);
        return name.is_null()
                   ? 0
                   : check_bound(name.get_ref<const std::string&>(), property, part, manifest);
    };
    manifest.matrix = bound(matrix_property, Part::colour);
    manifest.range = bound(range_property, Part::colour);
    manifest.chroma_siting = bound(siting_property, Part::siting);
    if ((manifest.matrix == 0) != (manifest.range == 0))
        throw failed("matrix and range are bound together or not at all");
}

void check_roundings(const Json& roundings) {
    for (const Json& each : roundings) {
        const auto allowed = table<double>(each.at("allowed"));
        const Json& errors = each.at("errors");
        const bool is_sound = errors.size() == allowed.size() &&
                              std::all_of(allowed.begin(), allowed.end(), [&](const auto& kind) {
                                  return kind.second > 0 && errors.contains(kind.first);
                              });
        if (!is_sound)
            throw failed("the rounding of ", word(each, "name"), " has errors and tolerances of "
                         "other kinds, or tolerances that are not above 0");
    }
}

Manifest read(const Json& facts, const std::string& file) {
    check_form(facts, manifest_form(), "");
    Manifest manifest{};
    const std::string& format = word(facts, "format");
    manifest.format = find_format(format);
    if (manifest.format == nullptr)
        throw usage("A model's format is one of ",
                    listed(formats(), [](const Format& each) { return std::string(each.name); }),
                    "; ", file, " says ", shown(facts.at("format")),
                    ". Export it again with this release.");
    const Json& precision = field(facts, "precision");
    manifest.precision = precision.is_null() ? "fp32" : precision.get_ref<const std::string&>();
    const Json& outputs = facts.at("outputs");
    if (std::none_of(outputs.begin(), outputs.end(),
                     [](const Json& each) { return each.at("kind") == "score"; }))
        throw usage(file, " names no scores. Export it again.");
    read_inputs(manifest, facts.at("inputs"));
    read_outputs(manifest, outputs);
    for (const Json& each : field(facts, "aggregates"))
        manifest.aggregates.push_back(read_aggregate(each, manifest.outputs));
    for (const Aggregate& each : manifest.aggregates) check_aggregate(each);
    check_moments(manifest);
    read_names(manifest, field(facts, "missing"));
    read_bound_colour(manifest, facts);
    if (const Json& border = field(facts, "crop_border"); !border.is_null())
        manifest.crop_border = static_cast<int>(whole(border, "crop_border", 0, INT32_MAX));
    manifest.quantise = read_quantise(field(facts, "quantise"));
    check_roundings(field(facts, "rounding"));
    manifest.self_test = read_self_test(facts.at("self_test"), file);
    check_self_test(manifest);
    return manifest;
}

// ---- other schemas, and fields of later releases --------------------------------------------

// What makes a file of the first schema again, as far as it says how it was made.
std::string command(const Json& facts) {
    const std::string otherwise = "framegauge export --metrics ENTRIES -o FILE";
    // What is asked to be typed is what an export writes, and nothing that a shell would run.
    const auto is_plain = [](const std::string& text) {
        return text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                      "0123456789_.,:;=+-[]") == std::string::npos;
    };
    try {
        std::vector<std::string> entries;
        for (const Json& each : facts.at("outputs")) {
            if (each.at("kind") != "score") continue;
            const auto name = each.at("name").get<std::string>();
            auto entry = each.at("entry").get<std::string>();
            const std::string label = name.substr(0, name.find('.'));
            if (entry.find('[') == std::string::npos && label != entry) entry = label + "=" + entry;
            if (std::find(entries.begin(), entries.end(), entry) == entries.end())
                entries.push_back(entry);
        }
        std::string all;
        for (const std::string& entry : entries) all += (all.empty() ? "" : ",") + entry;
        const auto format = facts.at("format").get<std::string>();
        if (all.empty() || !is_plain(all) || !is_plain(format)) return otherwise;
        std::string words = text("framegauge export --metrics '", all, "' --format ", format);
        if (field(facts, "quantise") == 8) words += " --quantise 8";
        if (const Json& border = field(facts, "crop_border");
            border.is_number_integer() && border != 0)
            words += " --crop-border " + shown(border);
        if (field(facts, "precision") == "fp16") words += " --precision fp16";
        return words + " -o FILE";
    } catch (const Json::exception&) {
        return otherwise;
    }
}

void check_schema(const Json& facts, std::int64_t schema, const std::string& file) {
    if (schema == manifest_schema) return;
    const auto has =
        text(file, " has a manifest of schema ", schema, ", and this release reads ",
             manifest_schema, ". ");
    if (schema > manifest_schema)
        throw usage(has, "Update framegauge, or export the model again with this release.");
    throw usage(has, "Make the file again: `", command(facts), "`.");
}

// Of the fields that a reader must know, all are known here.
void check_required(const Json& required, const std::string& file) {
    if (!required.is_array()) return;  // refused later, with the other forms
    const auto known = field_names(manifest_form());
    std::vector<std::string> unknown;
    for (const Json& name : required)
        if (name.is_string() && known.count(name.get_ref<const std::string&>()) == 0)
            unknown.push_back(name.get_ref<const std::string&>());
    if (!unknown.empty())
        throw usage(file, " cannot be read without knowing ", listed(unknown),
                    ", which this release does not. Update framegauge, or export the model again "
                    "with this release.");
}

}  // namespace

double Output::allowed(double wanted) const { return tolerance + relative * std::abs(wanted); }

bool Manifest::takes(Part part) const {
    return std::any_of(inputs.begin(), inputs.end(),
                       [&](const Input& each) { return each.part == part; });
}

Manifest read_manifest(const std::string& text, const std::string& file) {
    Json facts;
    std::int64_t schema = 0;
    try {
        facts = parsed(text);
        const Json& said = facts.at("schema");
        check_form(said, {whole_kind, {}, 0, {}, {}}, "schema");
        schema = whole(said, "schema", 1, INT64_MAX);
    } catch (const std::exception& error) {
        throw usage("The manifest of ", file, " cannot be read (", error.what(),
                    "). Export the model again.");
    }
    check_schema(facts, schema, file);
    check_required(field(facts, "required"), file);
    try {
        return read(facts, file);
    } catch (const Failure& failure) {
        if (failure.status == FRAMEGAUGE_USAGE) throw;
        throw usage("The manifest of ", file, " is not as it should be: ", failure.what(),
                    ". Export the model again.");
    }
}

}  // namespace framegauge
