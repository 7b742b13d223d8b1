// What the cases of `exercise` are made of.

#pragma once

#include <framegauge.hpp>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

using Bytes = std::vector<std::uint8_t>;

inline bool all_well = true;

inline void expect(bool holds, const std::string& what) {
    if (holds) return;
    std::fprintf(stderr, "Does not hold: %s\n", what.c_str());
    all_well = false;
}

inline void expect_near(double value, double wanted, double tolerance, const std::string& what) {
    expect(std::abs(value - wanted) <= tolerance,
           what + " is " + std::to_string(value) + ", not " + std::to_string(wanted));
}

// The call fails with this status, and its text has these words.
inline void expect_refused(framegauge_status status, const std::string& words,
                    const std::function<void()>& call) {
    try {
        call();
        expect(false, "refused: " + words);
    } catch (const framegauge::Error& error) {
        const std::string text = error.what();
        expect(error.status() == status, "status of: " + text);
        expect(text.find(words) != std::string::npos, "'" + words + "' in: " + text);
    }
}

// 20 log10(255 / 10): a difference of ten everywhere.
inline const double ten_apart = 20 * std::log10(25.5);

// A detailed picture that any size has, and the same brighter by ten.
inline Bytes picture(std::size_t rows, std::size_t row_bytes, int brighter) {
    Bytes samples;
    for (std::size_t y = 0; y < rows; ++y)
        for (std::size_t x = 0; x < row_bytes; ++x)
            samples.push_back(static_cast<std::uint8_t>((7 * x + 13 * y) % 200 + brighter));
    return samples;
}

inline double psnr(framegauge::Scorer& scorer, const framegauge::Frame& reference,
            const framegauge::Frame& distorted) {
    return scorer.score({reference, distorted}).at(0).value;
}

void refuses_frames_by_name(const std::string& path);
void refuses_requests_by_name(const std::string& path);
void refuses_an_environment_without_pools(const std::string& path);
void refuses_masks_that_mean_nothing(const std::string& path);
void refuses_times_of_no_frame_between(const std::string& path);
void refuses_floats_out_of_range(const std::string& path);
void refuses_code_values_above_the_peak(const std::string& path);
void refuses_rates_of_no_video(const std::string& path);
void refuses_frames_of_other_colours(const std::string& path);
