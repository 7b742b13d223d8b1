// The C border: handles, structs of any size, and no exception past it.

#include <framegauge.h>

#include "clip_scores.hpp"
#include "cpus.hpp"
#include "failure.hpp"
#include "scorer.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

struct framegauge_model {
    std::shared_ptr<const framegauge::Model> shared;
    std::string runtime_version;
};

struct framegauge_scorer {
    framegauge::Scorer scorer;
    std::string error;
};

namespace {

using framegauge::Failure;
using framegauge::Part;
using framegauge::text;
using framegauge::usage;

thread_local std::string last_error;

// Runs what may throw, and keeps the text of what went wrong.
template <class Work>
framegauge_status guarded(std::string& error, Work work) noexcept {
    try {
        try {
            error.clear();
            work();
            return FRAMEGAUGE_OK;
        } catch (const Failure& failure) {
            error = failure.what();
            return failure.status;
        } catch (const std::bad_alloc&) {
            error = "Out of memory.";
        } catch (const std::exception& other) {
            error = text("Something unforeseen went wrong: ", other.what(), ".");
        } catch (...) {
            error = "Something unforeseen went wrong.";
        }
    } catch (...) {
        error.clear();  // no memory for the text either
    }
    return FRAMEGAUGE_FAILED;
}

// A struct of the caller's release as one of ours: what it lacks is zero, what it has beyond ours
// must be.
template <class Struct>
Struct received(const Struct* given, const char* name) {
    if (given == nullptr) throw usage(name, " is NULL.");
    std::size_t size = 0;
    std::memcpy(&size, given, sizeof size);
    if (size < 2 * sizeof size || size > 4096)
        throw usage(name, ".struct_size is ", size, ". Set it to sizeof of the struct.");
    const auto* bytes = reinterpret_cast<const unsigned char*>(given);
    if (size > sizeof(Struct) &&
        std::any_of(bytes + sizeof(Struct), bytes + size, [](unsigned char b) { return b != 0; }))
        throw usage(name, " asks for something that this release of libframegauge, ",
                    FRAMEGAUGE_VERSION, ", does not know. Use a newer library.");
    Struct ours{};
    std::memcpy(static_cast<void*>(&ours), given, std::min(size, sizeof(Struct)));
    ours.struct_size = sizeof(Struct);
    return ours;
}

// As much of ours as the caller's struct has room for; what it has beyond is set to zero.
template <class Struct>
void hand_out(const Struct& ours, Struct* to, const char* name) {
    const std::size_t size = [&] {
        if (to == nullptr) throw usage(name, " is NULL.");
        std::size_t read = 0;
        std::memcpy(&read, to, sizeof read);
        return read;
    }();
    if (size < 2 * sizeof size || size > 4096)
        throw usage(name, ".struct_size is ", size, ". Set it to sizeof of the struct.");
    std::memset(static_cast<void*>(to), 0, size);
    std::memcpy(static_cast<void*>(to), &ours, std::min(size, sizeof(Struct)));
    std::memcpy(static_cast<void*>(to), &size, sizeof size);
}

const framegauge::Manifest& manifest_of(const framegauge_model* model) {
    if (model == nullptr) throw usage("model is NULL.");
    return model->shared->manifest();
}

template <class Items>
const auto& item(const Items& items, std::size_t index, const char* name) {
    if (index >= items.size())
        throw usage("There are ", items.size(), " ", name, ", and index is ", index, ".");
    return items[index];
}

}  // namespace

uint32_t framegauge_abi_version(void) { return FRAMEGAUGE_ABI_VERSION; }

const char* framegauge_version(void) { return FRAMEGAUGE_VERSION; }

int32_t framegauge_usable_cpus(void) {
    int32_t cpus = 1;
    guarded(last_error, [&] { cpus = framegauge::usable_cpus(); });
    return cpus;
}

const char* framegauge_last_error(void) { return last_error.c_str(); }

framegauge_status framegauge_model_open(const framegauge_model_options* options,
                                        framegauge_model** model) {
    return guarded(last_error, [&] {
        if (model == nullptr) throw usage("model is NULL: there must be room for a handle.");
        *model = nullptr;
        auto opened = std::make_shared<const framegauge::Model>(received(options, "options"));
        *model = new framegauge_model{std::move(opened), OrtGetApiBase()->GetVersionString()};
    });
}

void framegauge_model_close(framegauge_model* model) { delete model; }

framegauge_status framegauge_model_get_info(const framegauge_model* model,
                                            framegauge_model_info* info) {
    return guarded(last_error, [&] {
        const framegauge::Manifest& manifest = manifest_of(model);
        framegauge_model_info ours{};
        ours.format = manifest.format->name.data();
        ours.precision = manifest.precision.c_str();
        ours.runtime_version = model->runtime_version.c_str();
        ours.depth = manifest.format->depth;
        ours.quantise = manifest.quantise;
        ours.crop_border = manifest.crop_border;
        ours.needs_colour = manifest.takes(Part::colour) ? 1 : 0;
        ours.needs_siting = manifest.takes(Part::siting) ? 1 : 0;
        ours.matrix = manifest.matrix;
        ours.range = manifest.range;
        ours.chroma_siting = manifest.chroma_siting;
        ours.provider = model->shared->provider();
        ours.threads = model->shared->threads();
        ours.least = manifest.least;
        ours.planes = manifest.format->planes();
        ours.roles = manifest.roles.size();
        ours.outputs = manifest.outputs.size();
        ours.aggregates = manifest.aggregates.size();
        hand_out(ours, info, "info");
    });
}

framegauge_status framegauge_model_get_output(const framegauge_model* model, size_t index,
                                              framegauge_output* output) {
    return guarded(last_error, [&] {
        const framegauge::Output& each = item(manifest_of(model).outputs, index, "outputs");
        framegauge_output ours{};
        ours.label = each.name.c_str();
        ours.entry = each.entry.c_str();
        ours.unit = each.unit.c_str();
        ours.kind = each.kind == "score" ? FRAMEGAUGE_SCORE : FRAMEGAUGE_MOMENT;
        ours.better = each.higher_is_better ? FRAMEGAUGE_HIGHER : FRAMEGAUGE_LOWER;
        ours.ideal = each.ideal;
        ours.low = each.low;
        ours.high = each.high;
        ours.tolerance = each.tolerance;
        ours.relative = each.relative;
        ours.least = each.least;
        ours.masked = each.is_masked ? 1 : 0;
        ours.roles = each.inputs.size();
        ours.transfer = each.transfer.c_str();
        ours.ends = each.ends == "repeat" ? FRAMEGAUGE_ENDS_REPEAT
                    : each.ends == "zero" ? FRAMEGAUGE_ENDS_ZERO
                                          : FRAMEGAUGE_ENDS_NOT_JUDGED;
        hand_out(ours, output, "output");
    });
}

framegauge_status framegauge_model_get_aggregate(const framegauge_model* model, size_t index,
                                                 framegauge_aggregate* aggregate) {
    return guarded(last_error, [&] {
        const framegauge::Aggregate& each =
            item(manifest_of(model).aggregates, index, "aggregates");
        framegauge_aggregate ours{};
        ours.label = each.name.c_str();
        ours.finish = each.finish == "psnr"    ? FRAMEGAUGE_FINISH_PSNR
                      : each.finish == "ratio" ? FRAMEGAUGE_FINISH_RATIO
                      : each.finish == "root"  ? FRAMEGAUGE_FINISH_ROOT
                                               : FRAMEGAUGE_FINISH_MEAN;
        ours.moment_count = each.of.size();
        std::copy(each.of.begin(), each.of.end(), ours.moments);
        ours.peak = each.peak.value_or(std::numeric_limits<double>::quiet_NaN());
        ours.cap = each.cap.value_or(std::numeric_limits<double>::quiet_NaN());
        hand_out(ours, aggregate, "aggregate");
    });
}

framegauge_status framegauge_aggregate_finish(const framegauge_model* model, size_t index,
                                              const double* sums, size_t frames, double* score) {
    return guarded(last_error, [&] {
        const framegauge::Aggregate& each =
            item(manifest_of(model).aggregates, index, "aggregates");
        if (sums == nullptr || score == nullptr) throw usage("sums or score is NULL.");
        *score = framegauge::clip_score(each, {sums, sums + each.of.size()}, frames);
    });
}

const char* framegauge_model_get_role(const framegauge_model* model, size_t index) {
    const char* name = nullptr;
    guarded(last_error,
            [&] { name = item(manifest_of(model).roles, index, "roles").c_str(); });
    return name;
}

const char* framegauge_model_get_output_role(const framegauge_model* model, size_t output,
                                             size_t index) {
    const char* name = nullptr;
    guarded(last_error, [&] {
        name = item(item(manifest_of(model).outputs, output, "outputs").inputs, index, "roles")
                   .c_str();
    });
    return name;
}

framegauge_status framegauge_model_get_plane(const framegauge_model* model, size_t index,
                                             uint32_t width, uint32_t height,
                                             framegauge_plane* plane) {
    return guarded(last_error, [&] {
        std::vector<const framegauge::Layout*> planes;
        for (const framegauge::Layout& input : manifest_of(model).format->inputs)
            planes.insert(planes.end(), input.stacked, &input);
        const framegauge::Layout& layout = *item(planes, index, "planes");
        framegauge_plane ours{};
        ours.rows = layout.rows({width, height});
        ours.row_bytes = layout.row_bytes({width, height});
        hand_out(ours, plane, "plane");
    });
}

framegauge_status framegauge_scorer_create(const framegauge_model* model,
                                           framegauge_scorer** scorer) {
    return guarded(last_error, [&] {
        if (scorer == nullptr) throw usage("scorer is NULL: there must be room for a handle.");
        *scorer = nullptr;
        manifest_of(model);
        *scorer = new framegauge_scorer{framegauge::Scorer(model->shared), ""};
    });
}

void framegauge_scorer_destroy(framegauge_scorer* scorer) { delete scorer; }

const char* framegauge_scorer_error(const framegauge_scorer* scorer) {
    return scorer == nullptr ? "scorer is NULL." : scorer->error.c_str();
}

framegauge_status framegauge_scorer_score(framegauge_scorer* scorer,
                                          const framegauge_frame* const* frames,
                                          size_t frame_count, double* values, size_t value_count) {
    if (scorer == nullptr) return FRAMEGAUGE_USAGE;
    return guarded(scorer->error, [&] {
        if (frames == nullptr && frame_count > 0) throw usage("frames is NULL.");
        std::vector<framegauge_frame> received_frames;
        for (size_t i = 0; i < frame_count; ++i)
            received_frames.push_back(received(frames[i], "a frame"));
        scorer->scorer.score(received_frames, values, value_count);
    });
}
