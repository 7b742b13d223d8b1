// Whether two videos and a model go together.

#pragma once

#include "arguments.hpp"
#include "video.hpp"

#include <framegauge.hpp>

// Lets the video that says nothing of its colours take what the other one says. Throws
// framegauge::ScoreError, naming the flag that would allow it, where they differ in size, format,
// frame rate or colours; UsageError where the model needs more than two videos, or larger ones.
void pair(Facts& reference, Facts& distorted, const framegauge::Model& model,
          const Arguments& arguments);

// Throws framegauge::ScoreError where the videos do not end together, or have no frames.
void check_ends(Video& reference, Video& distorted, const Arguments& arguments);
