// framegauge-score: score a distorted video against its reference.
//
// The example to read: everything about the library is here, and uses framegauge.hpp alone. What
// reads videos and writes reports is in the other files of this folder.

#include "arguments.hpp"
#include "input.hpp"
#include "pairing.hpp"
#include "report.hpp"
#include "sha256.hpp"
#include "video.hpp"

#include <framegauge.hpp>

#include <algorithm>
#include <chrono>
#include <deque>
#include <exception>
#include <future>
#include <iostream>
#include <optional>

namespace {

// Small frames are scored several at once: about this many pixels, at most so many frames.
constexpr std::uint64_t batch_pixels = 400'000;
constexpr std::uint64_t batch_frames = 16;
// Batches are scored side by side up to two frames of 1080p, since each takes memory of its own: a
// frame of 4K more than a gigabyte with some metrics.
constexpr std::uint64_t pixels_at_once = 4'200'000;

// Frames of one video, plane by plane: all luma, then all Cb, ... so that no copy is made of them.
class Frames {
  public:
    Frames(const std::vector<framegauge_plane>& planes, std::size_t most) {
        for (const framegauge_plane& plane : planes) {
            plane_bytes_.push_back(plane.rows * plane.row_bytes);
            samples_.emplace_back(plane_bytes_.back() * most);
        }
    }

    unsigned char* plane(std::size_t index, std::size_t frame) {
        return samples_[index].data() + frame * plane_bytes_[index];
    }

    std::vector<unsigned char*> planes(std::size_t frame) {
        std::vector<unsigned char*> all;
        for (std::size_t i = 0; i < samples_.size(); ++i) all.push_back(plane(i, frame));
        return all;
    }

  private:
    std::vector<std::uint64_t> plane_bytes_;
    std::vector<std::vector<unsigned char>> samples_;
};

struct Batch {
    Batch(const std::vector<framegauge_plane>& planes, std::size_t most)
        : reference(planes, most), distorted(planes, most) {}

    Frames reference;
    Frames distorted;
    std::uint64_t first = 0;  // number of its first frame
    std::size_t count = 0;
    bool is_last = false;
};

// Reads pairs until the batch is full or a video ends.
void fill(Batch& batch, std::size_t most, Video& reference, Video& distorted) {
    batch.first = reference.seen();
    for (batch.count = 0; batch.count < most; ++batch.count) {
        const bool has_reference = reference.read(batch.reference.planes(batch.count));
        const bool has_distorted = distorted.read(batch.distorted.planes(batch.count));
        if (!has_reference || !has_distorted) {
            batch.is_last = true;
            return;
        }
    }
}

framegauge::Frame frame_of(const char* role, const Facts& facts,
                           const std::vector<unsigned char*>& planes) {
    framegauge::Frame frame{role, facts.width, facts.height, {}};
    std::copy(planes.begin(), planes.end(), frame.planes);
    // FFmpeg stores floats as G B R.
    if (facts.format == "rgbf32") std::rotate(frame.planes, frame.planes + 2, frame.planes + 3);
    frame.format = facts.format.c_str();
    frame.matrix = facts.matrix == "bt601"    ? FRAMEGAUGE_BT601
                   : facts.matrix == "bt709"  ? FRAMEGAUGE_BT709
                   : facts.matrix == "bt2020" ? FRAMEGAUGE_BT2020
                                              : FRAMEGAUGE_MATRIX_ASSUMED;
    frame.range = facts.range == "full" ? FRAMEGAUGE_FULL : FRAMEGAUGE_LIMITED;
    frame.chroma_siting = facts.chroma_siting == "left"         ? FRAMEGAUGE_SITING_LEFT
                          : facts.chroma_siting == "centre"     ? FRAMEGAUGE_SITING_CENTRE
                          : facts.chroma_siting == "topleft"    ? FRAMEGAUGE_SITING_TOPLEFT
                          : facts.chroma_siting == "top"        ? FRAMEGAUGE_SITING_TOP
                          : facts.chroma_siting == "bottomleft" ? FRAMEGAUGE_SITING_BOTTOMLEFT
                          : facts.chroma_siting == "bottom"     ? FRAMEGAUGE_SITING_BOTTOM
                                                                : FRAMEGAUGE_SITING_ASSUMED;
    return frame;
}

// Values of the batch's pairs from `from` up to `to`.
std::vector<double> score(framegauge::Scorer& scorer, Batch& batch, const Facts& reference,
                          const Facts& distorted, std::size_t from, std::size_t to) {
    std::vector<framegauge::Frame> frames;
    for (std::size_t i = from; i < to; ++i) {
        frames.push_back(frame_of("reference", reference, batch.reference.planes(i)));
        frames.push_back(frame_of("distorted", distorted, batch.distorted.planes(i)));
    }
    std::vector<const framegauge_frame*> pointers;
    for (const framegauge::Frame& frame : frames) pointers.push_back(&frame);
    try {
        return scorer.values(pointers);
    } catch (const framegauge::UsageError& refusal) {
        // The request was found sensible: what is refused are samples, and here of which frame.
        for (std::size_t i = from; to - from > 1 && i < to; ++i)
            score(scorer, batch, reference, distorted, i, i + 1);
        throw framegauge::ScoreError(FRAMEGAUGE_FAILED,
                                     "Frame " + std::to_string(batch.first + from) + " of " +
                                         reference.name + " and " + distorted.name +
                                         " cannot be scored: " + refusal.what());
    }
}

// Values of all pairs, pair after pair. Each scorer has a thread; the next batch is read meanwhile.
std::vector<double> score_all(std::vector<framegauge::Scorer>& scorers,
                              const std::vector<framegauge_plane>& planes, std::size_t most,
                              Video& reference, Video& distorted) {
    std::vector<double> all;
    std::vector<Batch> batches(scorers.size() + 1, Batch{planes, most});
    // Oldest first. Those that are left when one fails are waited for: futures of async do.
    std::deque<std::future<std::vector<double>>> scoring;
    const auto finish_oldest = [&] {
        const std::vector<double> values = scoring.front().get();
        scoring.pop_front();
        all.insert(all.end(), values.begin(), values.end());
    };
    for (std::size_t turn = 0;; ++turn) {
        framegauge::Scorer& scorer = scorers[turn % scorers.size()];
        Batch& batch = batches[turn % batches.size()];
        try {
            fill(batch, most, reference, distorted);
        } catch (...) {
            // What is wrong with earlier frames is said first.
            while (!scoring.empty()) finish_oldest();
            throw;
        }
        if (scoring.size() == scorers.size()) finish_oldest();
        if (batch.count > 0)
            scoring.push_back(std::async(std::launch::async, [&scorer, &batch, &reference,
                                                              &distorted] {
                return score(scorer, batch, reference.facts, distorted.facts, 0, batch.count);
            }));
        if (batch.is_last) break;
    }
    while (!scoring.empty()) finish_oldest();
    return all;
}

void run(const Arguments& arguments) {
    // Read once: what is reported is what has scored, whatever comes to lie there meanwhile.
    std::string content = content_of(arguments.model);
    const bool is_on_gpu = arguments.backend == "cuda";
    const int threads =
        arguments.threads > 0 ? arguments.threads
                              : std::min<int>(framegauge_usable_cpus(), FRAMEGAUGE_MOST_THREADS);

    // The model's threads depend on the frames' size, so the videos are opened first; but what is
    // wrong with the model is said first.
    std::optional<Video> reference;
    std::optional<Video> distorted;
    std::exception_ptr refusal;
    std::uint64_t most = 1;     // frames of a batch
    std::uint64_t at_once = 1;  // batches
    try {
        reference.emplace(arguments.reference, arguments);
        distorted.emplace(arguments.distorted, arguments);
        const Facts& facts = reference->facts;
        const std::uint64_t pixels = std::uint64_t{facts.width} * facts.height;
        most = std::clamp<std::uint64_t>(batch_pixels / pixels, 1, batch_frames);
        if (!is_on_gpu)
            at_once = std::clamp<std::uint64_t>(pixels_at_once / (most * pixels), 1,
                                                static_cast<std::uint64_t>(threads));
    } catch (...) {
        refusal = std::current_exception();
    }

    framegauge::Options options;
    options.bytes = content.data();
    options.byte_count = content.size();
    options.provider = is_on_gpu ? FRAMEGAUGE_CUDA : FRAMEGAUGE_CPU;
    options.device = arguments.device;
    // Of all threads the scorers have one each, and share the others.
    options.threads = threads - static_cast<int>(at_once) + 1;
    const framegauge::Model model{arguments.model, options};
    std::vector<framegauge::Scorer> scorers;
    while (scorers.size() < at_once) scorers.emplace_back(model);
    framegauge::Sha256 digest;
    digest.add(content);
    const std::string sha256 = digest.hex();
    content.clear();
    content.shrink_to_fit();

    if (refusal) std::rethrow_exception(refusal);
    pair(reference->facts, distorted->facts, model, arguments);
    const auto planes = model.planes(reference->facts.width, reference->facts.height);
    std::vector<std::uint64_t> bytes;
    for (const framegauge_plane& plane : planes) bytes.push_back(plane.rows * plane.row_bytes);
    reference->set_planes(bytes);
    distorted->set_planes(bytes);

    const auto begun = std::chrono::steady_clock::now();
    const std::vector<double> values = score_all(scorers, planes, most, *reference, *distorted);
    check_ends(*reference, *distorted, arguments);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;

    const std::size_t outputs = model.outputs().size();
    std::vector<std::vector<double>> columns(outputs);
    for (std::size_t i = 0; i < values.size(); ++i) columns[i % outputs].push_back(values[i]);
    const Run result{arguments,         model,   threads, sha256, reference->facts, distorted->facts,
                     columns[0].size(), columns, took.count()};
    if (arguments.json)
        write_json(std::cout, result);
    else
        write_table(std::cout, result);
    if (!std::cout.flush())
        throw framegauge::ScoreError(FRAMEGAUGE_FAILED, "The report could not be written.");
}

}  // namespace

int main(int count, char** words) {
    try {
        const Arguments arguments = read_arguments(count, words);
        if (arguments.help)
            std::cout << usage_text;
        else if (arguments.version)
            std::cout << "framegauge-score " << framegauge_version() << '\n';
        else
            run(arguments);
        return 0;
    } catch (const framegauge::Error& error) {
        std::cerr << "Error: " << error.what() << '\n';
        return error.status();
    } catch (const std::bad_alloc&) {
        std::cerr << "Error: Out of memory: frames of this size do not fit.\n";
        return FRAMEGAUGE_FAILED;
    } catch (const std::exception& error) {
        std::cerr << "Error: " << error.what() << '\n';
        return FRAMEGAUGE_FAILED;
    }
}
