// What a host must not ask for: refused by name, with the right status.

#include "checks.hpp"

#include <onnxruntime_c_api.h>

#include <cstdint>
#include <limits>

void refuses_frames_by_name(const std::string& path) {
    const framegauge::Model model{path};
    framegauge::Scorer scorer{model};
    const Bytes samples = picture(8, 24, 0);
    const auto good = framegauge::rgb24("reference", samples.data(), 8, 8);
    const auto refused = [&](const std::string& words, auto change) {
        auto frame = framegauge::rgb24("distorted", samples.data(), 8, 8);
        change(frame);
        expect_refused(FRAMEGAUGE_USAGE, words, [&] { scorer.score({good, frame}); });
    };
    using Frame = framegauge::Frame;

    refused("distorted is 7x8", [](Frame& frame) { frame.width = 7; });
    refused("takes rgb24", [](Frame& frame) { frame.format = "bgr24"; });
    refused("takes reference, distorted", [](Frame& frame) { frame.role = "reference"; });
    refused("takes reference, distorted", [](Frame& frame) { frame.role = "mask"; });
    refused("role is NULL", [](Frame& frame) { frame.role = nullptr; });
    refused("plane 0 is NULL", [](Frame& frame) { frame.planes[0] = nullptr; });
    refused("stride -23", [](Frame& frame) { frame.strides[0] = -23; });
    refused("up to 1073741824", [](Frame& frame) { frame.strides[0] = PTRDIFF_MIN; });
    refused("up to 1073741824", [](Frame& frame) { frame.strides[0] = PTRDIFF_MAX; });
    refused("distorted lies in CUDA memory", [](Frame& frame) { frame.memory = FRAMEGAUGE_CUDA; });
    refused("memory is", [](Frame& frame) { frame.memory = 7; });
    refused("stream is for CUDA memory", [](Frame& frame) { frame.stream = &frame; });
    refused("struct_size is 3", [](Frame& frame) { frame.struct_size = 3; });
    expect_refused(FRAMEGAUGE_USAGE, "0x0", [&] {
        scorer.score({framegauge::rgb24("reference", samples.data(), 0, 0),
                      framegauge::rgb24("distorted", samples.data(), 0, 0)});
    });
    expect_refused(FRAMEGAUGE_USAGE, "sides are from 1 to 65536", [&] {
        const std::uint32_t huge = std::numeric_limits<std::uint32_t>::max();
        scorer.score({framegauge::rgb24("reference", samples.data(), huge, huge),
                      framegauge::rgb24("distorted", samples.data(), huge, huge)});
    });
    expect_refused(FRAMEGAUGE_USAGE, "2 frames, got 1", [&] { scorer.score({good}); });
    expect_refused(FRAMEGAUGE_USAGE, "got 1 frames", [&] { scorer.values({&good}); });
    expect_refused(FRAMEGAUGE_USAGE, "got 0 frames", [&] { scorer.values({}); });
    expect_refused(FRAMEGAUGE_USAGE, "a frame is NULL", [&] { scorer.values({&good, nullptr}); });
}

void refuses_requests_by_name(const std::string& path) {
    const auto refused = [&](framegauge_status status, const std::string& words, auto change) {
        framegauge::Options options;
        change(options);
        expect_refused(status, words, [&] { framegauge::Model{path, options}; });
    };
    using Options = framegauge::Options;

    refused(FRAMEGAUGE_USAGE, "threads takes", [](Options& o) { o.threads = -1; });
    refused(FRAMEGAUGE_USAGE, "threads takes 1 to 1024", [](Options& o) { o.threads = 1025; });
    refused(FRAMEGAUGE_USAGE, "provider is", [](Options& o) { o.provider = 9; });
    refused(FRAMEGAUGE_USAGE, "byte_count is 3, and bytes is NULL",
            [](Options& o) { o.byte_count = 3; });
    refused(FRAMEGAUGE_USAGE, "device takes", [](Options& o) { o.device = -1; });
    refused(FRAMEGAUGE_USAGE, "log_severity", [](Options& o) { o.log_severity = 5; });
    refused(FRAMEGAUGE_USAGE, "needs env", [](Options& o) { o.use_global_threads = 1; });
    refused(FRAMEGAUGE_USAGE, "cuda_stream", [](Options& o) { o.cuda_stream = &o; });
    refused(FRAMEGAUGE_UNAVAILABLE, "CUDA provider",
            [](Options& o) { o.provider = FRAMEGAUGE_CUDA; });
    expect_refused(FRAMEGAUGE_FAILED, "cannot be read",
                   [&] { framegauge::Model{path + ".missing"}; });
    expect_refused(FRAMEGAUGE_FAILED, "cannot be read", [&] { framegauge::Model{"/"}; });
    expect(framegauge_model_open(nullptr, nullptr) == FRAMEGAUGE_USAGE, "no handle");
    expect(std::string(framegauge_last_error()).find("model is NULL") == 0, "its text");
    framegauge_model_close(nullptr);
    framegauge_scorer_destroy(nullptr);
}

void refuses_an_environment_without_pools(const std::string& path) {
    const OrtApi& ort = *OrtGetApiBase()->GetApi(17);
    OrtEnv* env = nullptr;
    expect(ort.CreateEnv(ORT_LOGGING_LEVEL_WARNING, "host", &env) == nullptr, "environment");
    framegauge::Options options;
    options.env = env;
    options.use_global_threads = 1;
    OrtEnv* const other = reinterpret_cast<OrtEnv*>(&options);

    expect_refused(FRAMEGAUGE_USAGE, "do not go together",
                   [&] { framegauge::Model{path, options}; });
    options.env = other;
    expect_refused(FRAMEGAUGE_USAGE, "another copy of ONNX Runtime",
                   [&] { framegauge::Model{path, options}; });
    ort.ReleaseEnv(env);
}

// The model takes rgbf32.
void refuses_floats_out_of_range(const std::string& path) {
    framegauge::Scorer scorer{framegauge::Model{path}};
    const std::vector<float> grey(64, 0.5f);
    const auto frame = [&](const char* role, const std::vector<float>& blue) {
        return framegauge::Frame{role, 8, 8, {{grey.data(), 0}, {grey.data(), 0}, {blue.data(), 0}}};
    };
    const auto refused = [&](const std::string& words, float sample) {
        std::vector<float> blue = grey;
        blue[63] = sample;
        expect_refused(FRAMEGAUGE_USAGE, words, [&] {
            scorer.score({frame("reference", grey), frame("distorted", blue)});
        });
    };

    refused("distorted has samples from 0.5 to 1.5", 1.5f);
    refused("distorted has samples from -0.25 to 0.5", -0.25f);
    refused("distorted has values that are not finite", std::nanf(""));
    expect(psnr(scorer, frame("reference", grey), frame("distorted", grey)) == 100, "ideal");
}

// The model is aee[masked=true]: flow, flow_reference, mask.
void refuses_masks_that_mean_nothing(const std::string& path) {
    const framegauge::Model model{path};
    framegauge::Scorer scorer{model};
    const std::vector<float> still(64, 0), moving(64, 2);
    const auto flow = [](const char* role, const std::vector<float>& both) {
        return framegauge::Frame{role, 8, 8, {{both.data(), 0}, {both.data(), 0}}};
    };
    const auto roles = model.roles();
    const auto score = [&](const std::vector<float>& mask) {
        return scorer
            .score({flow(roles.at(0).c_str(), still), flow(roles.at(1).c_str(), moving),
                    framegauge::Frame{"mask", 8, 8, {{mask.data(), 0}}}})
            .at(0)
            .value;
    };
    const auto refused = [&](const std::string& words, float everywhere) {
        expect_refused(FRAMEGAUGE_USAGE, words,
                       [&] { score(std::vector<float>(64, everywhere)); });
    };
    std::vector<float> one_pixel(64, 0);
    one_pixel[9] = 1;

    refused("mask is 0 everywhere", 0);
    refused("mask is in [0, 1], 1 where a pixel counts; got -1 to -1", -1);
    refused("got 255 to 255", 255);
    // Both parts of the flow are 2 pixels off.
    expect_near(score(one_pixel), 2 * std::sqrt(2.0), 1e-5, "aee");
}

// The model is of rgb24, and takes frames, flows and a time.
void refuses_times_of_no_frame_between(const std::string& path) {
    const framegauge::Model model{path};
    framegauge::Scorer scorer{model};
    const Bytes pixels = picture(64, 3 * 64, 0);
    const std::vector<float> still(64 * 64, 0);
    const auto roles = model.roles();
    const auto score = [&](float time) {
        std::vector<framegauge::Frame> frames;
        for (const std::string& role : roles)
            if (role == "time")
                frames.push_back({"time", 1, 1, {{&time, 0}}});
            else if (role.compare(0, 4, "flow") == 0)
                frames.push_back({role.c_str(), 64, 64, {{still.data(), 0}, {still.data(), 0}}});
            else
                frames.push_back(framegauge::rgb24(role.c_str(), pixels.data(), 64, 64));
        std::vector<const framegauge_frame*> pointers;
        for (const auto& frame : frames) pointers.push_back(&frame);
        return scorer.values(pointers);
    };

    for (const float time : {0.0f, 1.0f, -0.5f, 25.0f})
        expect_refused(FRAMEGAUGE_USAGE, "time lies between 0", [&] { score(time); });
    expect(!score(0.5f).empty(), "a time between");
}

// The model takes yuv420p10le.
void refuses_code_values_above_the_peak(const std::string& path) {
    framegauge::Scorer scorer{framegauge::Model{path}};
    const std::vector<std::uint16_t> grey(64, 512);
    std::vector<std::uint16_t> luma = grey;
    luma[63] = 1024;
    const auto frame = [&](const char* role, const std::vector<std::uint16_t>& y) {
        return framegauge::Frame{role, 8, 8, {{y.data(), 0}, {grey.data(), 0}, {grey.data(), 0}}};
    };

    expect_refused(FRAMEGAUGE_USAGE, "code values up to 1023, got 1024", [&] {
        scorer.score({frame("reference", grey), frame("distorted", luma)});
    });
}

// The model takes gray8 and a frame_rate.
void refuses_rates_of_no_video(const std::string& path) {
    framegauge::Scorer scorer{framegauge::Model{path}};
    const Bytes grey(64, 128);
    const auto score = [&](float rate) {
        return scorer
            .score({framegauge::Frame{"reference", 8, 8, {{grey.data(), 0}}},
                    framegauge::Frame{"frame_rate", 0, 0, {{&rate, 0}}}})
            .at(0)
            .value;
    };

    for (const float rate : {0.0f, -25.0f})
        expect_refused(FRAMEGAUGE_USAGE, "frame_rate is frames a second", [&] { score(rate); });
    expect(score(29.97f) == 29.97f, "the rate itself");
}

// The model takes yuv420p, and is for bt709, limited, centre alone.
void refuses_frames_of_other_colours(const std::string& path) {
    const framegauge::Model model{path};
    framegauge::Scorer scorer{model};
    const Bytes grey(64, 128);
    const auto score = [&](std::int32_t matrix, std::int32_t range, std::int32_t siting) {
        framegauge::Frame frame{
            "reference", 8, 8, {{grey.data(), 0}, {grey.data(), 0}, {grey.data(), 0}}};
        frame.matrix = matrix;
        frame.range = range;
        frame.chroma_siting = siting;
        return scorer.score({frame}).at(0).value;
    };
    const auto refused = [&](const std::string& words, std::int32_t matrix, std::int32_t range,
                             std::int32_t siting) {
        expect_refused(FRAMEGAUGE_USAGE, words, [&] { score(matrix, range, siting); });
    };
    constexpr std::int32_t bt709 = FRAMEGAUGE_BT709, centre = FRAMEGAUGE_SITING_CENTRE;
    const auto info = model.info();

    expect(info.matrix == bt709 && info.range == FRAMEGAUGE_LIMITED &&
               info.chroma_siting == centre && info.needs_colour == 0 && info.needs_siting == 0,
           "what it is for");
    expect(score(bt709, FRAMEGAUGE_LIMITED, centre) == 128, "what it is for, said");
    expect(score(bt709, 0, centre) == 128, "and a range that is assumed rightly");
    refused("reference has the matrix bt2020, and", FRAMEGAUGE_BT2020, 0, centre);
    refused("is for bt709 alone", FRAMEGAUGE_BT2020, 0, centre);
    refused("reference has the range full, and", bt709, FRAMEGAUGE_FULL, centre);
    refused("reference has the chroma_siting topleft, and", bt709, 0, FRAMEGAUGE_SITING_TOPLEFT);
    refused("reference says no matrix, which is then taken as bt601, and", 0, 0, centre);
    refused("Set the frame's chroma_siting to 2 if", bt709, 0, 0);
    refused("matrix is 0 (assumed), 1 (bt601), 2 (bt709) or 3 (bt2020); got 4", 4, 0, centre);
    refused("range is 0 (assumed), 1 (limited) or 2 (full); got -1", bt709, -1, centre);
    refused("chroma_siting is 0 (assumed), 1 (left), 2 (centre), 3 (topleft), 4 (top), "
            "5 (bottomleft) or 6 (bottom); got 7",
            bt709, 0, 7);
}
