// Checks of what a host hands in, before a model sees it.

#pragma once

#include "layout.hpp"

#include <framegauge.h>

#include <string>

namespace framegauge {

class Model;

// Refuse a frame whose memory, planes or strides the model cannot take.
void check_memory(const framegauge_frame& frame, const Model& model);
void check_planes(const framegauge_frame& frame, std::uint32_t first, const Layout& layout,
                  Size size);

// Refuse one sample that no score has a meaning for: code values above the format's peak, floats of
// frames, masks and times outside [0, 1], rates of 0, masks of nothing, floats that are not finite.
void check_values(const void* samples, std::size_t bytes, const std::string& role,
                  const Layout& layout, const Format& format);

}  // namespace framegauge
