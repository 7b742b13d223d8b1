// What a host does with the library, well and badly: exercise CASE MODEL.
//
// Exits 0 if all of a case holds, and says what does not. The model is the shipped psnr of rgb24,
// unless a case says otherwise. Built a second and third time with sanitizers.

#include "checks.hpp"

#include <onnxruntime_c_api.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <thread>

namespace {

void says_what_it_is(const std::string& path) {
    const framegauge::Model model{path};

    const auto info = model.info();
    const auto outputs = model.outputs();

    expect(std::string(info.format) == "rgb24" && info.depth == 8, "format");
    expect(info.threads == framegauge_usable_cpus(), "threads");
    expect(info.least == 1 && info.planes == 1 && info.needs_colour == 0, "size, planes, colour");
    expect(model.roles() == std::vector<std::string>{"reference", "distorted"}, "roles");
    expect(outputs.size() == 2 && std::string(outputs[0].label) == "psnr", "label");
    expect(outputs[0].kind == FRAMEGAUGE_SCORE && outputs[1].kind == FRAMEGAUGE_MOMENT, "kinds");
    expect(outputs[0].better == FRAMEGAUGE_HIGHER && std::string(outputs[0].unit) == "dB", "unit");
    expect(outputs[0].ideal == 100 && std::isinf(outputs[1].high), "bounds");
    const auto aggregate = model.aggregates().at(0);
    expect(std::string(aggregate.label) == "apsnr", "label of the aggregate");
    expect(aggregate.finish == FRAMEGAUGE_FINISH_PSNR && aggregate.moment_count == 1 &&
               aggregate.moments[0] == 1 && aggregate.peak == 1 && aggregate.cap == 100,
           "aggregate");
    expect(model.roles(0) == model.roles(), "roles of an output");
    expect(outputs[0].masked == 0 && std::string(outputs[0].transfer) == "any" &&
               outputs[0].ends == FRAMEGAUGE_ENDS_NOT_JUDGED,
           "mask, transfer, ends");
    expect(info.needs_siting == 0 && info.matrix == 0 && info.range == 0 &&
               info.chroma_siting == 0,
           "siting, and what it is bound to");
    expect(framegauge_model_get_output_role(model.get(), 0, 2) == nullptr, "a third role");
    expect(framegauge_model_get_output_role(model.get(), 2, 0) == nullptr, "a third output");
    expect(model.planes(5, 3).at(0).row_bytes == 15 && model.planes(5, 3).at(0).rows == 3, "plane");
}

void has_no_ideal_where_the_frame_decides(const std::string& path) {
    expect(std::isnan(framegauge::Model{path}.outputs().at(0).ideal), "NaN");
}

// The model has the aggregates mean, root, ratio and psnr, in this order, the last with the peak 255
// and the cap 60.
void finishes_clips_by_the_written_rule(const std::string& path) {
    const framegauge::Model model{path};
    const auto finish = [&](std::size_t index, const std::vector<double>& sums,
                            std::size_t frames) { return model.finish(index, sums, frames); };
    const double none = std::nan("");
    const double infinite = HUGE_VAL;

    expect(finish(0, {7}, 2) == 3.5 && finish(0, {-7}, 2) == -3.5, "mean");
    expect(finish(1, {18}, 2) == 3, "root");
    expect(std::isnan(finish(1, {-18}, 2)), "root of less than 0");
    expect(finish(2, {6, 3}, 7) == 2, "ratio");
    expect(std::isnan(finish(2, {6, 0}, 7)), "ratio to 0");
    expect(std::isnan(finish(2, {6, infinite}, 7)), "ratio to no number");
    expect(finish(3, {2 * 255.0 * 255.0 / 100}, 2) == 20, "psnr");
    expect(finish(3, {0}, 2) == 60 && finish(3, {1e-9}, 2) == 60, "psnr at its cap");
    expect(std::isnan(finish(3, {-1}, 2)), "psnr of less than 0");
    for (const std::size_t index : {0, 1, 3})
        expect(std::isnan(finish(index, {1}, 0)) && std::isnan(finish(index, {infinite}, 1)) &&
                   std::isnan(finish(index, {none}, 1)),
               "no frames, or no numbers");
    expect(model.aggregates().at(2).finish == FRAMEGAUGE_FINISH_RATIO &&
               model.aggregates()[2].moment_count == 2 && std::isnan(model.aggregates()[2].peak),
           "facts of the ratio");
    expect(model.aggregates()[0].finish == FRAMEGAUGE_FINISH_MEAN &&
               model.aggregates()[1].finish == FRAMEGAUGE_FINISH_ROOT,
           "other finishes");
    expect_refused(FRAMEGAUGE_USAGE, "ratio is made of 2 moments, got the sums of 1",
                   [&] { finish(2, {1}, 1); });
    expect_refused(FRAMEGAUGE_USAGE, "There are 4 aggregates, and index is 4",
                   [&] { finish(4, {1}, 1); });
    double score = 0;
    expect(framegauge_aggregate_finish(model.get(), 0, nullptr, 1, &score) == FRAMEGAUGE_USAGE,
           "no sums");
    expect(framegauge_aggregate_finish(model.get(), 0, &score, 1, nullptr) == FRAMEGAUGE_USAGE,
           "no room");
}

// The model gives, of every sample, what its colour and siting inputs hold: the first and third of
// the colour of reference, the first of that of reference_previous, and the siting of reference.
void gives_each_frame_its_own_colour(const std::string& path) {
    const framegauge::Model model{path};
    framegauge::Scorer scorer{model};
    const Bytes grey(64, 128);
    const auto frame = [&](const char* role, std::int32_t matrix, std::int32_t range,
                           std::int32_t siting) {
        framegauge::Frame made{
            role, 8, 8, {{grey.data(), 0}, {grey.data(), 0}, {grey.data(), 0}}};
        made.matrix = matrix;
        made.range = range;
        made.chroma_siting = siting;
        return made;
    };
    const std::string format = model.info().format;
    const bool halves_rows = format == "yuv420p", halves_columns = format != "yuv444p";
    const framegauge::Frame frames[] = {
        frame("reference", FRAMEGAUGE_BT601, FRAMEGAUGE_LIMITED, FRAMEGAUGE_SITING_ASSUMED),
        frame("reference_previous", FRAMEGAUGE_BT601, FRAMEGAUGE_FULL, FRAMEGAUGE_SITING_LEFT),
        frame("reference", FRAMEGAUGE_BT709, FRAMEGAUGE_FULL, FRAMEGAUGE_SITING_CENTRE),
        frame("reference_previous", 0, 0, FRAMEGAUGE_SITING_LEFT),
        frame("reference", FRAMEGAUGE_BT2020, FRAMEGAUGE_LIMITED, FRAMEGAUGE_SITING_BOTTOM),
        frame("reference_previous", 0, FRAMEGAUGE_FULL, FRAMEGAUGE_SITING_LEFT),
    };
    std::vector<const framegauge_frame*> pointers;
    for (const auto& each : frames) pointers.push_back(&each);

    const auto values = scorer.values(pointers);

    expect(model.info().needs_colour == 1 && model.info().needs_siting == 1, "needs");
    expect(model.roles() == std::vector<std::string>{"reference", "reference_previous"}, "roles");
    expect(model.outputs().at(0).ends == FRAMEGAUGE_ENDS_REPEAT, "ends");
    // Luma's gain, what Cr adds to red, the gain of the frame before, rows down, columns across.
    const double wanted[3][5] = {
        {1 / 219.0, 2 * (1 - 0.299) / 224, 1 / 255.0, 0.5, 0},
        {1 / 255.0, 2 * (1 - 0.2126) / 255, 1 / 219.0, 0.5, 0.5},
        {1 / 219.0, 2 * (1 - 0.2627) / 224, 1 / 255.0, 1, 0.5},
    };
    for (std::size_t sample = 0; sample < 3; ++sample)
        for (std::size_t i = 0; i < 5; ++i) {
            const bool counts = i < 3 || (i == 3 ? halves_rows : halves_columns);
            expect_near(values.at(5 * sample + i), counts ? wanted[sample][i] : 0, 1e-9,
                        "number " + std::to_string(i) + " of sample " + std::to_string(sample));
        }
}

void takes_any_stride(const std::string& path) {
    framegauge::Scorer scorer{framegauge::Model{path}};
    constexpr std::size_t width = 37, height = 23, row = 3 * width, padded = row + 5;
    const Bytes dark = picture(height, row, 0), bright = picture(height, row, 10);
    Bytes wide(height * padded, 255), turned(height * row), odd(1 + height * row);
    for (std::size_t y = 0; y < height; ++y) {
        std::copy_n(&bright[y * row], row, &wide[y * padded]);
        std::copy_n(&bright[y * row], row, &turned[(height - 1 - y) * row]);
    }
    std::copy(bright.begin(), bright.end(), odd.begin() + 1);
    const auto reference = framegauge::rgb24("reference", dark.data(), width, height);
    const auto score = [&](const std::uint8_t* pixels, std::ptrdiff_t stride) {
        return psnr(scorer, reference,
                    framegauge::rgb24("distorted", pixels, width, height, stride));
    };

    const double plain = score(bright.data(), 0);

    expect_near(plain, ten_apart, 1e-4, "psnr");
    expect(score(bright.data(), row) == plain, "stride of a row");
    expect(score(wide.data(), padded) == plain, "padded rows");
    expect(score(&turned[(height - 1) * row], -std::ptrdiff_t{row}) == plain, "bottom up");
    expect(score(odd.data() + 1, 0) == plain, "odd address");
}

void scores_batches(const std::string& path) {
    framegauge::Scorer scorer{framegauge::Model{path}};
    const std::size_t row = 3 * 16;
    std::vector<Bytes> pictures;
    for (const int brighter : {0, 10, 20, 30}) pictures.push_back(picture(8, row, brighter));
    std::vector<framegauge::Frame> frames;
    for (const std::size_t distorted : {1u, 2u, 3u}) {
        // The roles of a sample may come in any order.
        frames.push_back(framegauge::rgb24("distorted", pictures[distorted].data(), 16, 8));
        frames.push_back(framegauge::rgb24("reference", pictures[0].data(), 16, 8));
    }
    std::vector<const framegauge_frame*> pointers;
    for (const auto& frame : frames) pointers.push_back(&frame);

    const auto values = scorer.values(pointers);

    expect(values.size() == 6, "two outputs of three samples");
    for (int i = 0; i < 3; ++i)
        expect_near(values.at(static_cast<std::size_t>(2 * i)), 20 * std::log10(25.5 / (i + 1)),
                    1e-4, "sample " + std::to_string(i));
}

void serves_eight_threads(const std::string& path) {
    const framegauge::Model model{path};
    const Bytes dark = picture(48, 3 * 64, 0);
    std::atomic<int> right{0};
    std::vector<std::thread> threads;

    for (int i = 1; i <= 8; ++i)
        threads.emplace_back([&, i] {
            const Bytes other = picture(48, 3 * 64, i);
            framegauge::Scorer scorer{model};
            for (int round = 0; round < 10; ++round) {
                const double value =
                    psnr(scorer, framegauge::rgb24("reference", dark.data(), 64, 48),
                         framegauge::rgb24("distorted", other.data(), 64, 48));
                if (std::abs(value - 20 * std::log10(255.0 / i)) < 1e-4) ++right;
            }
        });
    for (std::thread& thread : threads) thread.join();

    expect(right == 80, "every score of every thread");
}

void outlives_its_model(const std::string& path) {
    const Bytes dark = picture(8, 24, 0), bright = picture(8, 24, 10);
    auto model = std::make_unique<framegauge::Model>(path);
    framegauge::Scorer first{*model};
    model.reset();

    framegauge::Scorer scorer = std::move(first);
    const double value = psnr(scorer, framegauge::rgb24("reference", dark.data(), 8, 8),
                              framegauge::rgb24("distorted", bright.data(), 8, 8));

    expect_near(value, ten_apart, 1e-4, "psnr");
}

void gives_scores_that_outlive_it(const std::string& path) {
    const Bytes dark = picture(8, 24, 0), bright = picture(8, 24, 10);

    const auto scores = framegauge::Scorer{framegauge::Model{path}}.score(
        {framegauge::rgb24("reference", dark.data(), 8, 8),
         framegauge::rgb24("distorted", bright.data(), 8, 8)});

    expect(std::string(scores.at(0).label) == "psnr", "label");
    expect(std::string(scores.at(0).unit) == "dB", "unit");
}

void reads_a_model_in_memory(const std::string& path) {
    std::ifstream file{path, std::ios::binary};
    std::string content{std::istreambuf_iterator<char>(file), {}};
    const Bytes dark = picture(8, 24, 0), bright = picture(8, 24, 10);
    framegauge::Options options;
    options.bytes = content.data();
    options.byte_count = content.size();
    const framegauge::Model model{"embedded", options};
    content.assign(content.size(), 'x');

    framegauge::Scorer scorer{model};
    const double value = psnr(scorer, framegauge::rgb24("reference", dark.data(), 8, 8),
                              framegauge::rgb24("distorted", bright.data(), 8, 8));

    expect_near(value, ten_apart, 1e-4, "psnr");
    expect_refused(FRAMEGAUGE_FAILED, "embedded", [&] { framegauge::Model{"embedded", options}; });
}

// Structs of an older caller are shorter, those of a newer one longer.
void takes_structs_of_any_release(const std::string& path) {
    struct Newer {
        framegauge_model_options known;
        void* unknown;
    } newer{};
    newer.known.struct_size = sizeof newer;
    newer.known.path = path.c_str();
    framegauge_model_options older{};
    older.struct_size = offsetof(framegauge_model_options, env);
    older.path = path.c_str();
    older.env = reinterpret_cast<OrtEnv*>(&older);  // beyond its end: not looked at
    framegauge_model* model = nullptr;

    expect(framegauge_model_open(&newer.known, &model) == FRAMEGAUGE_OK, "newer, unused");
    framegauge_model_info info{};
    info.struct_size = offsetof(framegauge_model_info, depth);
    info.depth = 77;
    expect(framegauge_model_get_info(model, &info) == FRAMEGAUGE_OK, "older info");
    expect(std::string(info.format) == "rgb24" && info.depth == 77, "written to its end only");
    framegauge_model_close(model);
    newer.unknown = &newer;
    expect(framegauge_model_open(&newer.known, &model) == FRAMEGAUGE_USAGE, "newer, used");
    expect(model == nullptr, "no handle");
    expect(framegauge_model_open(&older, &model) == FRAMEGAUGE_OK, "older");
    framegauge_model_close(model);
}

void shares_the_hosts_runtime(const std::string& path) {
    const OrtApi& ort = *OrtGetApiBase()->GetApi(17);
    OrtThreadingOptions* pools = nullptr;
    OrtEnv* env = nullptr;
    OrtSessionOptions* session_options = nullptr;
    expect(ort.CreateThreadingOptions(&pools) == nullptr, "pools");
    expect(ort.SetGlobalIntraOpNumThreads(pools, 2) == nullptr, "two threads");
    expect(ort.CreateEnvWithGlobalThreadPools(ORT_LOGGING_LEVEL_WARNING, "host", pools, &env) ==
               nullptr,
           "environment");
    expect(ort.CreateSessionOptions(&session_options) == nullptr, "session options");
    std::atomic<int> lines{0};
    framegauge::Options options;
    options.env = env;
    options.session_options = session_options;
    options.use_global_threads = 1;
    options.log_severity = 1;
    options.log = [](void* user, std::int32_t, const char*, const char*) {
        ++*static_cast<std::atomic<int>*>(user);
    };
    options.log_user = &lines;
    const Bytes dark = picture(8, 24, 0), bright = picture(8, 24, 10);
    {
        const framegauge::Model model{path, options};
        // The model keeps the environment, with its pools, when the host lets go of it.
        ort.ReleaseEnv(env);
        expect(ort.CreateEnv(ORT_LOGGING_LEVEL_WARNING, "later", &env) == nullptr, "again");
        options.env = env;
        framegauge::Scorer scorer{framegauge::Model{path, options}};
        expect_near(psnr(scorer, framegauge::rgb24("reference", dark.data(), 8, 8),
                         framegauge::rgb24("distorted", bright.data(), 8, 8)),
                    ten_apart, 1e-4, "psnr");
        expect(model.info().threads == 0, "the pools decide");
    }
    expect(lines > 0, "the log was told");
    ort.ReleaseSessionOptions(session_options);
    ort.ReleaseThreadingOptions(pools);
    ort.ReleaseEnv(env);
}

// ONNX Runtime's log has the options of a session that is made.
void spins_only_where_the_host_chose(const std::string& path) {
    const OrtApi& ort = *OrtGetApiBase()->GetApi(17);
    const std::string entry = "session.intra_op.allow_spinning";
    const auto expect_logged = [&](const OrtSessionOptions* session_options, std::int32_t threads,
                                   const std::string& choice, const std::string& what) {
        std::string log;
        framegauge::Options options;
        options.session_options = session_options;
        options.threads = threads;
        options.log_severity = 1;
        options.log = [](void* user, std::int32_t, const char*, const char* text) {
            *static_cast<std::string*>(user) += text;
        };
        options.log_user = &log;
        framegauge::Model{path, options};
        const auto at = log.find(entry + ": ");
        expect(log.find("config_options") != std::string::npos, "options in the log, " + what);
        expect((at == std::string::npos ? "" : log.substr(at + entry.size() + 2, 1)) == choice,
               what);
    };
    OrtSessionOptions* host = nullptr;
    expect(ort.CreateSessionOptions(&host) == nullptr, "session options");

    expect_logged(nullptr, 0, "0", "threads by default");
    expect_logged(nullptr, 2, "0", "two threads");
    expect_logged(host, 2, "0", "the host's options, without a choice, and two threads");
    expect_logged(host, 0, "", "the host's options, without a choice, and its thread count");
    expect(ort.AddSessionConfigEntry(host, entry.c_str(), "1") == nullptr, "entry");
    expect_logged(host, 2, "1", "the host's choice and two threads");
    expect_logged(host, 0, "1", "the host's choice and its thread count");
    ort.ReleaseSessionOptions(host);
}

void switches_telemetry_off_unless_told(const std::string& path) {
    const char* const told = std::getenv("ORT_DISABLE_TELEMETRY");
    const std::string wanted = told != nullptr ? told : "1";

    const framegauge::Model model{path};

    const char* const now = std::getenv("ORT_DISABLE_TELEMETRY");
    expect(now != nullptr && now == wanted, "the variable");
}

void leaves_telemetry_to_a_host(const std::string& path) {
    const OrtApi& ort = *OrtGetApiBase()->GetApi(17);
    OrtEnv* env = nullptr;
    expect(ort.CreateEnv(ORT_LOGGING_LEVEL_WARNING, "host", &env) == nullptr, "environment");
    framegauge::Options options;
    options.env = env;

    { const framegauge::Model model{path, options}; }

    expect(std::getenv("ORT_DISABLE_TELEMETRY") == nullptr, "the variable");
    ort.ReleaseEnv(env);
}

}  // namespace

int main(int, char** words) {
    const std::map<std::string, void (*)(const std::string&)> cases = {
        {"says_what_it_is", says_what_it_is},
        {"has_no_ideal_where_the_frame_decides", has_no_ideal_where_the_frame_decides},
        {"finishes_clips_by_the_written_rule", finishes_clips_by_the_written_rule},
        {"gives_each_frame_its_own_colour", gives_each_frame_its_own_colour},
        {"takes_any_stride", takes_any_stride},
        {"scores_batches", scores_batches},
        {"serves_eight_threads", serves_eight_threads},
        {"outlives_its_model", outlives_its_model},
        {"gives_scores_that_outlive_it", gives_scores_that_outlive_it},
        {"refuses_frames_by_name", refuses_frames_by_name},
        {"refuses_requests_by_name", refuses_requests_by_name},
        {"reads_a_model_in_memory", reads_a_model_in_memory},
        {"takes_structs_of_any_release", takes_structs_of_any_release},
        {"shares_the_hosts_runtime", shares_the_hosts_runtime},
        {"spins_only_where_the_host_chose", spins_only_where_the_host_chose},
        {"switches_telemetry_off_unless_told", switches_telemetry_off_unless_told},
        {"leaves_telemetry_to_a_host", leaves_telemetry_to_a_host},
        {"refuses_an_environment_without_pools", refuses_an_environment_without_pools},
        {"refuses_masks_that_mean_nothing", refuses_masks_that_mean_nothing},
        {"refuses_times_of_no_frame_between", refuses_times_of_no_frame_between},
        {"refuses_floats_out_of_range", refuses_floats_out_of_range},
        {"refuses_code_values_above_the_peak", refuses_code_values_above_the_peak},
        {"refuses_rates_of_no_video", refuses_rates_of_no_video},
        {"refuses_frames_of_other_colours", refuses_frames_of_other_colours},
    };
    cases.at(words[1])(words[2]);
    return all_well ? 0 : 1;
}
