// framegauge.hpp: score frames with a framegauge model, from C++17.
//
//     framegauge::Model model{"psnr.onnx"};        // once a process: weights, session, self-test
//     framegauge::Scorer scorer{model};            // once a thread: buffers
//     auto reference = framegauge::rgb24("reference", pixels, width, height);
//     auto distorted = framegauge::rgb24("distorted", others, width, height);
//     for (const auto& score : scorer.score({reference, distorted}))
//         std::cout << score.label << ' ' << score.value << ' ' << score.unit << '\n';
//
// Header only, over framegauge.h, which says what every field means. Nothing else is needed to
// compile; link framegauge::framegauge.
//
// Ownership. Model and Scorer own what they hold and can be moved; a moved-from one may only be
// assigned to or destroyed. Copies of a Model share it. A Scorer keeps its model alive. Frames borrow samples:
// the caller keeps them until score() returns, which changes none of them.
//
// ONNX Runtime. A process has one environment of it, made by whoever asks first. A host that wants
// one with a log or thread pools of its own makes it before its first Model, and hands it in as
// Options::env; after a Model has made one, ONNX Runtime ignores what is asked of another.
// Options::log and log_user must outlive every Model and Scorer opened with them. Without an
// Options::env the first Model sets ORT_DISABLE_TELEMETRY=1, if the variable has no value: before
// other threads read the environment (getenv), open a Model or set the variable yourself.
//
// Threads. A Model may be used from any number of threads at once. A Scorer serves one at a time.
// Many cores are used best by one Scorer a thread, with Options::threads = cores - scorers + 1 if
// they share a Model, cores / scorers if each has its own. Threads sleep, not spin, while they wait.
//
// Errors. What went wrong is thrown, by who has to act:
//     UsageError     the request makes no sense: ask otherwise
//     ScoreError     files or frames allow no score: missing, damaged, a failed self-test
//     BackendError   the provider asked for is not available here
// all of them Error, with the same status() as the C call. A call that throws has changed nothing.

#ifndef FRAMEGAUGE_HPP
#define FRAMEGAUGE_HPP

#include <framegauge.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace framegauge {

// ---- errors ---------------------------------------------------------------------------------

class Error : public std::runtime_error {
  public:
    Error(framegauge_status status, const std::string& text)
        : std::runtime_error(text), status_(status) {}
    framegauge_status status() const noexcept { return status_; }

  private:
    framegauge_status status_;
};

class UsageError : public Error {
    using Error::Error;
};
class ScoreError : public Error {
    using Error::Error;
};
class BackendError : public Error {
    using Error::Error;
};

namespace detail {

// Reads the text after the call, which an argument beside the call might not.
inline void check(framegauge_status status, const framegauge_scorer* scorer = nullptr) {
    if (status == FRAMEGAUGE_OK) return;
    const std::string text =
        scorer != nullptr ? framegauge_scorer_error(scorer) : framegauge_last_error();
    switch (status) {
        case FRAMEGAUGE_USAGE:
            throw UsageError(status, text);
        case FRAMEGAUGE_UNAVAILABLE:
            throw BackendError(status, text);
        default:
            throw ScoreError(status, text);
    }
}

template <class Struct>
Struct sized() {
    Struct empty{};
    empty.struct_size = sizeof(Struct);
    return empty;
}

}  // namespace detail

// ---- models ---------------------------------------------------------------------------------

// How a model is opened. All of it has a default: Options{}.threads = 4 and so on.
struct Options : framegauge_model_options {
    Options() : framegauge_model_options(detail::sized<framegauge_model_options>()) {}
};

class Model {
  public:
    // Loads the file and proves it on its own test frames. Throws UsageError, ScoreError,
    // BackendError, and UsageError if the library is not the one this header belongs to.
    explicit Model(const std::string& path, Options options = {}) {
        if (framegauge_abi_version() != FRAMEGAUGE_ABI_VERSION)
            throw UsageError(FRAMEGAUGE_USAGE,
                             "This program was built for ABI " +
                                 std::to_string(FRAMEGAUGE_ABI_VERSION) +
                                 " of libframegauge, and the library has ABI " +
                                 std::to_string(framegauge_abi_version()) + ". Build it again.");
        options.path = path.c_str();
        framegauge_model* made = nullptr;
        detail::check(framegauge_model_open(&options, &made));
        handle_.reset(made, framegauge_model_close);
    }

    // Format, depth, least size, threads, counts: see framegauge_model_info.
    framegauge_model_info info() const {
        auto info = detail::sized<framegauge_model_info>();
        detail::check(framegauge_model_get_info(get(), &info));
        return info;
    }

    // Label, unit, direction, bounds and tolerance of each number that score() gives.
    std::vector<framegauge_output> outputs() const {
        return all(info().outputs, framegauge_model_get_output);
    }

    // Scores of a whole clip that its moments make.
    std::vector<framegauge_aggregate> aggregates() const {
        return all(info().aggregates, framegauge_model_get_aggregate);
    }

    // Such a score, from the sum of each of its moments over so many frames, added up in order.
    double finish(std::size_t aggregate, const std::vector<double>& sums,
                  std::size_t frames) const {
        auto facts = detail::sized<framegauge_aggregate>();
        detail::check(framegauge_model_get_aggregate(get(), aggregate, &facts));
        if (sums.size() != facts.moment_count)
            throw UsageError(FRAMEGAUGE_USAGE, std::string(facts.label) + " is made of " +
                                                   std::to_string(facts.moment_count) +
                                                   " moments, got the sums of " +
                                                   std::to_string(sums.size()) + ".");
        double score = 0;
        detail::check(framegauge_aggregate_finish(get(), aggregate, sums.data(), frames, &score));
        return score;
    }

    // What score() must be given for one sample: "reference", "distorted", ...
    std::vector<std::string> roles() const {
        std::vector<std::string> names(info().roles);
        for (std::size_t i = 0; i < names.size(); ++i)
            names[i] = framegauge_model_get_role(get(), i);
        return names;
    }

    // Those of them that an output looks at.
    std::vector<std::string> roles(std::size_t output) const {
        auto facts = detail::sized<framegauge_output>();
        detail::check(framegauge_model_get_output(get(), output, &facts));
        std::vector<std::string> names(facts.roles);
        for (std::size_t i = 0; i < names.size(); ++i)
            names[i] = framegauge_model_get_output_role(get(), output, i);
        return names;
    }

    // Rows and bytes of each plane of a frame of this size, for those who allocate them.
    std::vector<framegauge_plane> planes(std::uint32_t width, std::uint32_t height) const {
        std::vector<framegauge_plane> sizes(info().planes, detail::sized<framegauge_plane>());
        for (std::size_t i = 0; i < sizes.size(); ++i)
            detail::check(framegauge_model_get_plane(get(), i, width, height, &sizes[i]));
        return sizes;
    }

    // For calls of framegauge.h; stays this object's.
    const framegauge_model* get() const noexcept { return handle_.get(); }

  private:
    template <class Struct>
    std::vector<Struct> all(std::size_t count,
                            framegauge_status (*read)(const framegauge_model*, std::size_t,
                                                      Struct*)) const {
        std::vector<Struct> values(count, detail::sized<Struct>());
        for (std::size_t i = 0; i < count; ++i)
            detail::check(read(get(), i, &values[i]));
        return values;
    }

    std::shared_ptr<framegauge_model> handle_;
};

// ---- frames ---------------------------------------------------------------------------------

// Samples of one plane and the bytes from one row to the next: negative for pictures stored bottom
// up (samples then point at the top row), 0 for rows without padding.
struct Plane {
    const void* samples;
    std::ptrdiff_t stride;
};

// What a role is given, in the model's format. role must outlive the frame. Set matrix and range
// for planes of a model that needs_colour, chroma_siting for one that needs_siting, all of them that
// the model is bound to; memory, device and stream for samples on a GPU.
struct Frame : framegauge_frame {
    Frame(const char* role_, std::uint32_t width_, std::uint32_t height_,
          std::initializer_list<Plane> planes_)
        : framegauge_frame(detail::sized<framegauge_frame>()) {
        if (planes_.size() > FRAMEGAUGE_PLANES)
            throw UsageError(FRAMEGAUGE_USAGE, "A frame has at most 4 planes, got " +
                                                   std::to_string(planes_.size()) + ".");
        role = role_;
        width = width_;
        height = height_;
        std::size_t i = 0;
        for (const Plane& plane : planes_) {
            planes[i] = plane.samples;
            strides[i++] = plane.stride;
        }
    }
};

// Packed 8-bit RGB. Models of other formats refuse it.
inline Frame rgb24(const char* role, const std::uint8_t* pixels, std::uint32_t width,
                   std::uint32_t height, std::ptrdiff_t stride = 0) {
    Frame frame{role, width, height, {{pixels, stride}}};
    frame.format = "rgb24";
    return frame;
}

// ---- scorers --------------------------------------------------------------------------------

// One score of one sample, with what the model says about it.
struct Score {
    const char* label;
    const char* unit;  // "1" if none
    double value;
    bool higher_is_better;
    Model model;  // whose the text is: it lives as long as this
};

class Scorer {
  public:
    explicit Scorer(Model model) : model_(std::move(model)), outputs_(model_.outputs()) {
        framegauge_scorer* made = nullptr;
        detail::check(framegauge_scorer_create(model_.get(), &made));
        handle_.reset(made);
    }

    // Every output of one or more samples, moments too: row after row, in the order of
    // Model::outputs(). The frames are those of the first sample, then those of the second, ...
    // Throws UsageError for frames that the model does not take, ScoreError if it cannot run.
    std::vector<double> values(const std::vector<const framegauge_frame*>& frames) {
        const std::size_t roles = model_.info().roles;
        std::vector<double> values(frames.size() / (roles ? roles : 1) * outputs_.size());
        detail::check(framegauge_scorer_score(handle_.get(), frames.data(), frames.size(),
                                              values.data(), values.size()),
                      handle_.get());
        return values;
    }

    // The scores of one sample: one frame for each role, in any order.
    std::vector<Score> score(std::initializer_list<Frame> frames) {
        std::vector<const framegauge_frame*> pointers;
        for (const Frame& frame : frames) pointers.push_back(&frame);
        if (pointers.size() != model_.info().roles)
            throw UsageError(FRAMEGAUGE_USAGE, "score() takes one sample of " +
                                                   std::to_string(model_.info().roles) +
                                                   " frames, got " +
                                                   std::to_string(pointers.size()) + ".");
        const std::vector<double> numbers = values(pointers);
        std::vector<Score> scores;
        for (std::size_t i = 0; i < outputs_.size(); ++i)
            if (outputs_[i].kind == FRAMEGAUGE_SCORE)
                scores.push_back({outputs_[i].label, outputs_[i].unit, numbers[i],
                                  outputs_[i].better == FRAMEGAUGE_HIGHER, model_});
        return scores;
    }

  private:
    struct Destroy {
        void operator()(framegauge_scorer* scorer) const noexcept {
            framegauge_scorer_destroy(scorer);
        }
    };

    Model model_;
    std::vector<framegauge_output> outputs_;
    std::unique_ptr<framegauge_scorer, Destroy> handle_;
};

}  // namespace framegauge

#endif
