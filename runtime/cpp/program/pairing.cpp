#include "pairing.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <initializer_list>

namespace {

using framegauge::ScoreError;
using framegauge::UsageError;

[[noreturn]] void refuse(const std::string& text) { throw ScoreError(FRAMEGAUGE_FAILED, text); }

std::string size_of(const Facts& video) {
    return std::to_string(video.width) + "x" + std::to_string(video.height);
}

double rate_of(const Facts& video) { return static_cast<double>(video.rate) / video.per; }

std::string written(double rate) {
    char text[32];
    std::snprintf(text, sizeof text, "%g", rate);
    return text;
}

void share(Facts& one, Facts& other) {
    // Each takes what it only assumed from the one that was told.
    for (const auto& [from, to] : {std::pair{&one, &other}, std::pair{&other, &one}}) {
        if (to->assumes("matrix") && !from->assumes("matrix")) to->matrix = from->matrix;
        if (to->assumes("range") && !from->assumes("range")) to->range = from->range;
        if (to->is_subsampled() && to->chroma_siting.empty() && !from->chroma_siting.empty()) {
            to->chroma_siting = from->chroma_siting;
            // Left is what silence stands for.
            if (to->chroma_siting != "left") to->assumed.emplace_back("chroma_siting");
        }
    }
}

void check_roles(const framegauge::Model& model) {
    std::string further;
    for (const std::string& role : model.roles())
        if (role != "reference" && role != "distorted")
            further += (further.empty() ? "" : ", ") + role;
    if (!further.empty())
        throw UsageError(FRAMEGAUGE_USAGE, "The model needs " + further +
                                               ", which this program does not give. Score "
                                               "with `framegauge score`, or give it its inputs "
                                               "with framegauge.hpp.");
}

void check_least(const Facts& video, const framegauge::Model& model) {
    std::string small;
    for (const framegauge_output& output : model.outputs()) {
        if (output.kind != FRAMEGAUGE_SCORE || output.least <= std::min(video.width, video.height))
            continue;
        const std::string least = std::to_string(output.least);
        small += (small.empty() ? "" : ", ") + std::string(output.label) + " " + least + "x" + least;
    }
    if (!small.empty())
        throw UsageError(FRAMEGAUGE_USAGE, "The frames are " + size_of(video) +
                                               " pixels, and these metrics need at least: " +
                                               small + ". Leave them out, or scale the frames up.");
}

// A model may be made for frames of one matrix, range or siting, and says so by its number.
void check_bound(const Facts& video, const framegauge::Model& model) {
    const auto check = [&](const char* flag, const char* property, const std::string& found,
                           bool is_said, std::int32_t bound,
                           std::initializer_list<const char*> names) {
        if (bound == 0) return;
        const std::string wanted = names.begin()[bound - 1];
        if (found != wanted)
            refuse(video.name + (is_said ? " has the " : " is assumed to have the ") + property +
                   " " + found + ", and the model is for " + wanted +
                   " alone. Use a model made for what the video is, or correct what it says with " +
                   flag + ".");
    };
    const framegauge_model_info info = model.info();
    check("--matrix", "matrix", video.matrix, !video.assumes("matrix"), info.matrix,
          {"bt601", "bt709", "bt2020"});
    check("--range", "range", video.range, !video.assumes("range"), info.range,
          {"limited", "full"});
    const bool is_sited = !video.chroma_siting.empty();
    check("--chroma-siting", "chroma siting", is_sited ? video.chroma_siting : "left", is_sited,
          info.chroma_siting, {"left", "centre", "topleft", "top", "bottomleft", "bottom"});
}

void check_rates(const Facts& reference, const Facts& distorted, const Arguments& arguments) {
    if (reference.rate == 0 || distorted.rate == 0 || arguments.on_rate_mismatch == "index") return;
    // Containers round rates to their clocks; 23.976 against 24, which is 0.1 %, stays a mismatch.
    if (std::abs(rate_of(reference) / rate_of(distorted) - 1) < 1.0 / 2000) return;
    refuse("The reference has " + written(rate_of(reference)) +
           " frames a second and the distorted video " + written(rate_of(distorted)) +
           ". Compare them frame by frame with --on-rate-mismatch index.");
}

}  // namespace

void pair(Facts& reference, Facts& distorted, const framegauge::Model& model,
          const Arguments& arguments) {
    check_roles(model);
    share(reference, distorted);
    if (reference.pixel_format != distorted.pixel_format)
        refuse("The reference is " + reference.pixel_format + " and the distorted video " +
               distorted.pixel_format + ". Convert one of them: `ffmpeg -pix_fmt " +
               reference.pixel_format + "`.");
    const std::string format = model.info().format;
    if (reference.format != format)
        refuse(reference.name + " is " + reference.pixel_format + ", and the model takes " +
               format + ". Use a model made for its format: `framegauge export --format " +
               reference.format + "`.");
    if (reference.width != distorted.width || reference.height != distorted.height)
        refuse("The reference is " + size_of(reference) + " and the distorted video " +
               size_of(distorted) + ". Scale one of them: `ffmpeg -vf scale`.");
    check_least(reference, model);
    if (reference.matrix != distorted.matrix || reference.range != distorted.range)
        refuse(reference.name + " is " + reference.matrix + ", " + reference.range +
               " range, and " + distorted.name + " is " + distorted.matrix + ", " +
               distorted.range + " range: their code values mean different colours. Correct what "
               "they say with --matrix and --range.");
    check_bound(reference, model);
    check_bound(distorted, model);
    check_rates(reference, distorted, arguments);
}

void check_ends(Video& reference, Video& distorted, const Arguments& arguments) {
    if (std::min(reference.seen(), distorted.seen()) > 0 &&
        arguments.on_length_mismatch == "shortest")
        return;
    const std::uint64_t frames = reference.count_to_end();
    const std::uint64_t others = distorted.count_to_end();
    if (std::min(frames, others) == 0)
        refuse("There is no pair of frames to score: the reference has " +
               std::to_string(frames) + " frames and the distorted " + std::to_string(others) +
               ". Check what writes them.");
    if (frames != others)
        refuse("The reference has " + std::to_string(frames) + " frames and the distorted video " +
               std::to_string(others) + ": they do not end together. Allow it with "
               "--on-length-mismatch shortest.");
}
