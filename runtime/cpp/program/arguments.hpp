// The command line of framegauge-score.

#pragma once

#include <cstdint>
#include <string>

struct Arguments {
    std::string reference;
    std::string distorted;
    std::string model;
    bool json = false;
    std::uint32_t width = 0;  // of bare samples
    std::uint32_t height = 0;
    std::string pixel_format;
    std::string matrix;  // in place of what the videos say; empty if not given
    std::string range;
    std::string chroma_siting;
    std::string backend = "cpu";
    int device = 0;
    int threads = 0;
    std::string on_length_mismatch = "error";
    std::string on_rate_mismatch = "error";
    bool help = false;
    bool version = false;
};

extern const char* const usage_text;

// Throws framegauge::UsageError.
Arguments read_arguments(int count, char** words);
