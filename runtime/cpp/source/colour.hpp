// From code values to colours: the map that models with planes take as an input.

#pragma once

#include "manifest.hpp"

namespace framegauge {

// The map from (Y, Cb, Cr, 1) to RGB in [0, 1], in FRAMEGAUGE_ numbers; those that are assumed are
// bt709 from 720 lines up, else bt601, and limited. Throws a usage failure for numbers there are not.
Colour colour_map(std::int32_t matrix, std::int32_t range, int depth, std::uint32_t height);

}  // namespace framegauge
