// A clip's score from the moments of its frames: the rule, which every host follows to the digit.
//
// A moment is one number a frame. Its mean over the clip is the sum from the first frame to the
// last, one addition after another in float64, divided by the number of frames; there is no pairing
// and no compensation, so that two hosts have the same last digit and parts of a clip can be
// joined. The finish then makes the score of the mean or means. export/contract/clip_scores.py is
// the same for Python.

#pragma once

#include "manifest.hpp"

#include <vector>

namespace framegauge {

// Of all values, from first to last.
double sum_of(const std::vector<double>& values);

// A clip's score from the sums of the aggregate's moments, in its order, over so many frames; NaN
// without frames, or where a mean or the score is not finite.
double clip_score(const Aggregate& aggregate, const std::vector<double>& sums, std::size_t frames);

}  // namespace framegauge
