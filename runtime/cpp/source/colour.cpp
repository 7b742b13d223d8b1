// Recommendation ITU-R BT.601-7, section 2.5; BT.709-6, sections 3 and 4; BT.2020-2, tables 4 and 5
// (non-constant luminance); ITU-T H.273, section 8.3, for full range.

#include "colour.hpp"

#include "failure.hpp"

#include <cmath>

namespace framegauge {

Colour colour_map(std::int32_t matrix, std::int32_t range, int depth, std::uint32_t height) {
    if (matrix < FRAMEGAUGE_MATRIX_ASSUMED || matrix > FRAMEGAUGE_BT2020)
        throw usage("matrix is 0 (assumed), 1 (bt601), 2 (bt709) or 3 (bt2020); got ", matrix, ".");
    if (range < FRAMEGAUGE_RANGE_ASSUMED || range > FRAMEGAUGE_FULL)
        throw usage("range is 0 (assumed), 1 (limited) or 2 (full); got ", range, ".");
    if (matrix == FRAMEGAUGE_MATRIX_ASSUMED)
        matrix = height >= 720 ? FRAMEGAUGE_BT709 : FRAMEGAUGE_BT601;
    // Weights of red and blue in luma.
    constexpr double weights[][2] = {{0.299, 0.114}, {0.2126, 0.0722}, {0.2627, 0.0593}};
    const auto [red, blue] = weights[matrix - FRAMEGAUGE_BT601];
    const double green = 1 - red - blue;

    const double scale = std::ldexp(1.0, depth - 8);
    const double peak = std::ldexp(1.0, depth) - 1;
    const bool is_full = range == FRAMEGAUGE_FULL;
    const double black = is_full ? 0 : 16 * scale;
    const double white = is_full ? peak : 219 * scale;
    const double swing = is_full ? peak : 224 * scale;
    const double neutral = 128 * scale;

    const double chroma[3][2] = {
        {0, 2 * (1 - red)},
        {-2 * (1 - blue) * blue / green, -2 * (1 - red) * red / green},
        {2 * (1 - blue), 0},
    };
    Colour map{};
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

}  // namespace framegauge
