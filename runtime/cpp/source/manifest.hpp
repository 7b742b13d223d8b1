// What a model file says about itself: the JSON in its metadata under "framegauge".

#pragma once

#include "layout.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace framegauge {

struct Input {
    std::string name;
    std::string role;
    bool is_colour;            // the map from code values to RGB, (3, 4)
    Layout layout;             // of all others
    std::uint32_t first_plane; // of the role's planes in memory
};

struct Output {
    std::string name;
    std::string kind;  // score, moment, map
    std::string entry;
    std::string unit;
    bool higher_is_better;
    double ideal, low, high;  // ideal is NaN where it depends on the frame, high may be infinite
    double tolerance, relative;
    std::uint32_t least;

    bool is_number() const { return kind != "map"; }
    double allowed(double wanted) const;
};

struct Aggregate {
    std::string name;
    std::size_t moment;  // index among the outputs that are numbers
    double peak, cap;
};

using Colour = std::array<float, 12>;  // (3, 4), row by row

struct SelfTest {
    std::size_t batch;
    std::vector<Size> sizes;
    std::optional<Colour> colour;
    std::vector<std::map<std::string, std::vector<double>>> scores;  // one for each size
};

struct Manifest {
    const Format* format;
    std::string precision;
    std::string chroma;  // empty where nothing asks for it
    int quantise = 0;    // 0 if frames are taken as they are
    int crop_border = 0;
    std::vector<Input> inputs;
    std::vector<std::string> roles;      // in the order of the inputs
    std::vector<std::string> all_outputs;  // of the graph, maps too
    std::vector<Output> outputs;         // those that are numbers
    std::vector<Aggregate> aggregates;
    SelfTest self_test;

    std::uint32_t least() const;
    bool needs_colour() const;
};

inline constexpr int manifest_schema = 1;
inline constexpr int pattern_version = 1;

// Reads a manifest. Fields it does not know are passed over. Throws a usage failure if the text is
// damaged, of a newer schema, or says what no export writes; `file` is the model's name, for the
// message.
Manifest read_manifest(const std::string& text, const std::string& file);

}  // namespace framegauge
