// What a model file says about itself: the JSON in its metadata under "framegauge".

#pragma once

#include "layout.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace framegauge {

// What an input holds: samples, or what they mean.
enum class Part {
    samples,
    colour,  // the map from code values to RGB, (N, 3, 4)
    siting   // where chroma lies below and right of luma, (N, 2)
};

// Of each frame, the values of a part that says what its samples mean.
constexpr std::size_t values_of(Part part) {
    return part == Part::colour ? 12 : part == Part::siting ? 2 : 0;
}

struct Input {
    std::string name;
    std::string role;
    Part part;
    Layout layout;              // of samples
    std::uint32_t first_plane;  // of the role's planes in memory
};

struct Output {
    std::string name;
    std::string kind;  // score, moment, map
    std::string entry;
    std::string unit;
    std::vector<std::string> inputs;  // the roles that it looks at
    bool is_masked;
    std::string transfer;  // any, sdr, pq, hlg
    std::string ends;      // repeat, zero, not_judged
    bool higher_is_better;
    double ideal, low, high;  // ideal is NaN where it depends on the frame, high may be infinite
    double tolerance, relative;
    std::uint32_t least;
    bool has_grid;  // as maps have

    bool is_number() const { return kind != "map"; }
    double allowed(double wanted) const;
};

// A clip's score, from the means of moments over its frames: clip_scores.hpp has the rule.
struct Aggregate {
    std::string name;
    std::vector<std::size_t> of;  // indices among the outputs that are numbers
    std::string finish;           // psnr, mean, root, ratio
    std::optional<double> peak, cap;
};

struct SelfTest {
    std::size_t batch;
    std::vector<Size> sizes;
    std::vector<float> colour, siting;  // of frame after frame; empty where no input takes them
    std::vector<std::map<std::string, std::vector<double>>> scores;  // one for each size
    std::vector<std::map<std::string, double>> clips;                // the same of aggregates
    std::map<std::string, double> still;  // of clips whose moments are all 0
    double share = 1;  // of an output's tolerance, what its scores may be off by
};

struct Manifest {
    const Format* format;
    std::string precision;
    int quantise = 0;  // 0 if frames are taken as they are
    int crop_border = 0;
    // In FRAMEGAUGE_ numbers, what frames have to be, where that is part of the graph; else 0.
    std::int32_t matrix = 0, range = 0, chroma_siting = 0;
    std::vector<Input> inputs;
    std::vector<std::string> roles;        // in the order of the inputs
    std::vector<std::string> all_outputs;  // of the graph, maps too
    std::vector<Output> outputs;           // those that are numbers
    std::vector<Aggregate> aggregates;
    std::uint32_t least;  // smallest height and width of a frame that every output accepts
    SelfTest self_test;

    bool takes(Part part) const;
};

inline constexpr int manifest_schema = 2;
inline constexpr int pattern_version = 2;

// Reads a manifest. Fields it does not know are passed over, unless the file says that they are
// required. Throws a usage failure if the text is damaged, of another schema, or says what no export
// writes; `file` is the model's name, for the message.
Manifest read_manifest(const std::string& text, const std::string& file);

}  // namespace framegauge
