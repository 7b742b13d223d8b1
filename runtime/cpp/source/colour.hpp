// What the samples of a frame mean: the map from code values to colours, and where chroma lies.

#pragma once

#include "layout.hpp"

#include <framegauge.h>

#include <array>
#include <string_view>
#include <vector>

namespace framegauge {

// What frames say of their samples; its value's number in FRAMEGAUGE_ is its place, from 1 on.
struct Property {
    const char* name;
    std::vector<std::string_view> values;
};

inline const Property matrix_property{"matrix", {"bt601", "bt709", "bt2020"}};
inline const Property range_property{"range", {"limited", "full"}};
inline const Property siting_property{
    "chroma_siting", {"left", "centre", "topleft", "top", "bottomleft", "bottom"}};

// The three of a frame, in FRAMEGAUGE_ numbers.
struct Meaning {
    std::int32_t matrix, range, siting;
};

// With what is assumed in the place of 0: bt709 from 720 lines up, else bt601; limited, of
// grey full; left.
// Throws a usage failure for numbers there are not.
Meaning meaning_of(const framegauge_frame& frame, const Format& format);

// The map from (Y, Cb, Cr, 1) to RGB in [0, 1], (3, 4), row by row.
std::array<float, 12> colour_map(const Meaning& meaning, int depth);

// How far the first sample of chroma lies below and right of that of luma, in luma samples.
std::array<float, 2> siting_of(const Meaning& meaning, const Format& format);

}  // namespace framegauge
