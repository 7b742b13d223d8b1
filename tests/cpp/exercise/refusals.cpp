// What a host must not ask for: refused by name, with the right status.

#include "checks.hpp"

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
    refused(FRAMEGAUGE_USAGE, "provider is", [](Options& o) { o.provider = 9; });
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
