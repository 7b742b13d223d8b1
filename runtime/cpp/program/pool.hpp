// Pooling: the scores of all frames to a few numbers for the clip.

#pragma once

#include <utility>
#include <vector>

// min max mean harmonic_mean median stdev p1 p5 p10 p90 p95 p99, by name; all NaN if there are no
// scores or one is not finite. Percentiles are linear at p (n - 1) / 100; harmonic_mean is
// libvmaf's, n / sum(1 / (1 + x)) - 1, NaN where a score lies below -1; stdev is the population's.
std::vector<std::pair<const char*, double>> pooled(std::vector<double> scores);
