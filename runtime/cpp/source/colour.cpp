// Recommendation ITU-R BT.601-7, section 2.5; BT.709-6, sections 3 and 4; BT.2020-2, tables 4 and 5
// (non-constant luminance); ITU-T H.273, section 8.3, for full range, and figure 10 for sitings.

#include "colour.hpp"

#include "failure.hpp"

#include <cmath>

namespace framegauge {
namespace {

std::int32_t said_or(std::int32_t assumed, std::int32_t said, const Property& property) {
    const auto most = static_cast<std::int32_t>(property.values.size());
    if (said >= 0 && said <= most) return said == 0 ? assumed : said;
    std::string known = "0 (assumed)";
    for (std::int32_t i = 1; i <= most; ++i)
        known += text(i == most ? " or " : ", ", i, " (",
                      property.values[static_cast<std::size_t>(i - 1)], ")");
    throw usage(property.name, " is ", known, "; got ", said, ".");
}

}  // namespace

Meaning meaning_of(const framegauge_frame& frame, const Format& format) {
    const bool is_grey = !format.yuv && !format.is_rgb();
    return {said_or(frame.height >= 720 ? FRAMEGAUGE_BT709 : FRAMEGAUGE_BT601, frame.matrix,
                    matrix_property),
            said_or(is_grey ? FRAMEGAUGE_FULL : FRAMEGAUGE_LIMITED, frame.range, range_property),
            said_or(FRAMEGAUGE_SITING_LEFT, frame.chroma_siting, siting_property)};
}

std::array<float, 12> colour_map(const Meaning& meaning, int depth) {
    // Weights of red and blue in luma.
    constexpr double weights[][2] = {{0.299, 0.114}, {0.2126, 0.0722}, {0.2627, 0.0593}};
    const auto [red, blue] = weights[meaning.matrix - FRAMEGAUGE_BT601];
    const double green = 1 - red - blue;

    const double scale = std::ldexp(1.0, depth - 8);
    const double peak = std::ldexp(1.0, depth) - 1;
    const bool is_full = meaning.range == FRAMEGAUGE_FULL;
    const double black = is_full ? 0 : 16 * scale;
    const double white = is_full ? peak : 219 * scale;
    const double swing = is_full ? peak : 224 * scale;
    const double neutral = 128 * scale;

    const double chroma[3][2] = {
        {0, 2 * (1 - red)},
        {-2 * (1 - blue) * blue / green, -2 * (1 - red) * red / green},
        {2 * (1 - blue), 0},
    };
    std::array<float, 12> map{};
    auto out = map.begin();
    for (const auto& [of_cb, of_cr] : chroma) {
        const double luma = 1 / white;
        const double cb = of_cb / swing;
        const double cr = of_cr / swing;
        for (const double value : {luma, cb, cr, -(luma * black + cb * neutral + cr * neutral)})
            *out++ = static_cast<float>(value);
    }
    return map;
}

std::array<float, 2> siting_of(const Meaning& meaning, const Format& format) {
    // Rows down and columns across, in the order of siting_property.
    constexpr float places[][2] = {{0.5f, 0}, {0.5f, 0.5f}, {0, 0}, {0, 0.5f}, {1, 0}, {1, 0.5f}};
    const auto [down, across] = places[meaning.siting - FRAMEGAUGE_SITING_LEFT];
    // Chroma as dense as luma lies on it.
    return {format.halves_rows() ? down : 0, format.halves_columns() ? across : 0};
}

}  // namespace framegauge
